"""The simulation of a fleet: the same by the same seed, and right where the answer can be reckoned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.fleet import Fleet, simulate

SMALL = Fleet(devices=10, rows=10_000, row=0.1, chunk_rows=100, overhead=0.5, load=5.0, spread=0.0)


def test_devices_alike_take_their_share_of_the_time() -> None:
    # 100 chunks of 10.5 s on 10 devices, after 5 s of loading.
    for queue in (True, False):
        course = simulate(replace(SMALL, queue=queue))
        assert course.seconds == pytest.approx(110.0)
        assert (course.lost, course.repeated) == (0, 0)


def test_a_queue_waits_for_a_straggler_no_longer_than_for_its_last_chunk() -> None:
    slow = replace(SMALL, slow=0.2, seed=3)
    shares, queue = simulate(replace(slow, queue=False)), simulate(slow)
    assert shares.seconds == pytest.approx(5 + 10 * 50.5)
    assert queue.seconds < 5 + 105 + 50.5 + 10.5


def test_what_lost_devices_had_in_hand_is_done_by_others() -> None:
    course = simulate(replace(SMALL, life=300.0, seed=1))
    assert course.lost > 0
    assert 0 < course.repeated <= course.lost
    assert course.seconds > 110.0
    assert course == simulate(replace(SMALL, life=300.0, seed=1))
    with pytest.raises(RuntimeError, match="All devices were lost"):
        simulate(replace(SMALL, life=1.0))
