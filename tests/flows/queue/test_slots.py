"""Slots on a real Prefect server: a device is one evaluation's at a time."""

from __future__ import annotations

import threading
import time

import pytest
from prefect.client.orchestration import get_client

from flows.queue import slots
from tasks.errors import BadEvaluation


def taken(device: str) -> int:
    """Return how many slots of a device are held."""
    with get_client(sync_client=True) as client:
        return client.read_global_concurrency_limit_by_name(slots.limit_name(device)).active_slots


@pytest.mark.usefixtures("prefect_server")
def test_a_second_evaluation_waits_for_the_device_of_the_first() -> None:
    order: list[str] = []
    first_in, first_out = threading.Event(), threading.Event()

    def first() -> None:
        with slots.held(["cuda:6", "cuda:7"]):
            order.append("first in")
            first_in.set()
            first_out.wait(60)
            order.append("first out")

    def second() -> None:
        first_in.wait(60)
        with slots.held(["cuda:7"]):
            order.append("second in")

    threads = [threading.Thread(target=each) for each in (first, second)]
    for each in threads:
        each.start()
    first_in.wait(60)
    time.sleep(1.5)
    assert order == ["first in"]
    assert taken("cuda:6") == taken("cuda:7") == 1
    first_out.set()
    for each in threads:
        each.join(120)
    assert order == ["first in", "first out", "second in"]
    assert taken("cuda:7") == 0


@pytest.mark.usefixtures("prefect_server")
def test_what_is_kept_is_held_between_two_uses_and_free_afterwards() -> None:
    with slots.kept():
        with slots.held(["cuda:5"]):
            assert taken("cuda:5") == 1
        assert taken("cuda:5") == 1
        with slots.held(["cuda:5"]):
            assert taken("cuda:5") == 1
    assert taken("cuda:5") == 0


@pytest.mark.usefixtures("prefect_server")
def test_a_slot_is_given_back_by_what_fails() -> None:
    with pytest.raises(RuntimeError, match="broken"), slots.held(["cuda:4"]):
        raise RuntimeError("broken")
    assert taken("cuda:4") == 0


def test_a_cpu_is_counted_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slots.slots_of("cpu") is None
    monkeypatch.setenv(slots.CPU_SLOTS, "2")
    assert slots.slots_of("cpu") == 2
    monkeypatch.setenv(slots.CPU_SLOTS, "many")
    with pytest.raises(BadEvaluation, match="ASSAY_CPU_SLOTS is a number of evaluations above 0, not 'many'"):
        slots.slots_of("cpu")
