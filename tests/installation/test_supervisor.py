"""The supervisor on small processes of its own: what dies or is mute is started again, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flows import environment
from flows.installation import control, health, processes, records, sentinel, supervisor
from flows.installation.parts import Part, parse
from flows.serving.companion import free_port

WAITS = "import time\nwhile True: time.sleep(60)"
MUTE = """
import http.server, os, pathlib, sys
class Once(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if pathlib.Path(sys.argv[2]).exists():
            import time; time.sleep(3600)
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Once).serve_forever()
"""


def part(name: str, code: str = WAITS, *arguments: str, **more: object) -> Part:
    return Part(name, (sys.executable, "-c", code, *arguments), **more)  # type: ignore[arg-type] # any field


@pytest.fixture(autouse=True)
def nothing_left(home: Path) -> Iterator[None]:
    yield
    records.want(False)
    for _ in range(3):
        for process in list(processes.of_installation()):
            with suppress(psutil.Error):
                process.kill()


def ticked(
    held: supervisor.Supervisor, until: Callable[[], object], seconds: float = 120, pause: float = 0.05
) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        held.tick()
        assert time.monotonic() < deadline, held.held
        time.sleep(pause)


def pid(held: supervisor.Supervisor, name: str) -> int:
    process = held.held[name].process
    return process.pid if process else 0


def test_parts_start_in_order_and_a_step_ends_before_what_needs_it(home: Path) -> None:
    step = part("step", f"open({str(home / 'done')!r}, 'w').close()", once=True, needs=("first",))
    after = part(
        "after", f"import os; assert os.path.exists({str(home / 'done')!r})\n{WAITS}", needs=("step",)
    )
    held = supervisor.Supervisor([part("first"), step, after])
    ticked(held, lambda: held.held["after"].works)
    assert [held.held[name].starts for name in ("first", "step", "after")] == [1, 1, 1]
    assert control.parts()["step"]["done"]
    held.stop()
    assert not list(processes.of_installation())


def test_a_killed_part_is_started_again_at_once_and_one_that_dies_again_and_again_more_slowly() -> None:
    held = supervisor.Supervisor([part("steady"), part("broken", "raise SystemExit(3)")])
    ticked(held, lambda: pid(held, "steady"))
    killed = pid(held, "steady")
    os.kill(killed, signal.SIGKILL)
    ticked(held, lambda: pid(held, "steady") not in {0, killed})
    ticked(held, lambda: held.held["broken"].deaths >= 3)
    broken = held.held["broken"]
    assert broken.problem == "ended with status 3"
    assert broken.not_before - time.monotonic() > 1.0
    told = control.parts()["broken"]
    assert (told["pid"], told["works"], told["starts"]) == (None, False, broken.starts)
    assert told["problem"] == "ended with status 3"
    held.stop()


def test_a_part_that_lives_but_does_not_answer_is_started_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"EVERY": 0.2, "TIMEOUT": 0.5, "SILENCE": 2.0, "SILENCES": 2}.items():
        monkeypatch.setattr(health, name, value)
    port, mute = free_port(), home / "mute"
    held = supervisor.Supervisor(
        [part("server", MUTE, str(port), str(mute), health=f"http://127.0.0.1:{port}/", grace=1.0)]
    )
    ticked(held, lambda: held.held["server"].works)
    first = pid(held, "server")
    mute.touch()
    ticked(held, lambda: pid(held, "server") not in {0, first})
    mute.unlink()
    ticked(held, lambda: held.held["server"].works)
    assert not psutil.pid_exists(first)
    held.stop()


def test_a_mute_part_is_left_alone_while_what_it_needs_does_not_work() -> None:
    watch = health.Watch("http://127.0.0.1:1/", since=time.monotonic() - 10 * health.STARTING)
    assert watch.is_lost()
    watch.excuse()
    assert not watch.is_lost()


def test_another_supervisor_takes_over_what_runs_and_ends_what_is_there_twice() -> None:
    wanted = [part("one"), part("worker", leaves=True)]
    first = supervisor.Supervisor(wanted)
    ticked(first, lambda: pid(first, "one") and pid(first, "worker"))
    before = {name: pid(first, name) for name in ("one", "worker")}
    double = processes.spawn(wanted[0])
    second = supervisor.Supervisor(wanted)
    assert {name: pid(second, name) for name in before} == before
    assert double.wait(30) == -signal.SIGKILL
    second.stop()
    # The first one's children were ended by the second; they are its to be reaped.
    first.tick()
    first.stop()


def test_what_a_dead_server_left_ends_and_the_runs_of_a_dead_worker_go_on() -> None:
    child = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {WAITS!r}])\n{WAITS}"
    for leaves in (False, True):
        wanted = part(f"parent {leaves}", child, leaves=leaves)
        parent = processes.spawn(wanted)
        deadline = time.monotonic() + 60
        while not parent.children() and time.monotonic() < deadline:
            time.sleep(0.05)
        (left,) = parent.children()
        parent.kill()
        parent.wait(30)
        assert processes.adopt(wanted) is None
        assert processes.await_end([left], 5) is not leaves
        processes.end(left, signal.SIGKILL, 5)


def test_only_one_supervisor_is_at_work_and_a_killed_one_is_replaced_by_the_sentinel(home: Path) -> None:
    records.write_parts([part("one"), Part("sentinel", sentinel.COMMAND, leaves=True)])
    records.want(True)
    started = processes.spawn(sentinel.SUPERVISOR)
    deadline = time.monotonic() + 120

    def wait(what: Callable[[], object]) -> None:
        while not what():
            log = records.log_of("supervisor")
            assert time.monotonic() < deadline, log.read_text() if log.exists() else "no log"
            time.sleep(0.1)

    wait(lambda: {"one", "sentinel", "supervisor"} <= set(control.pids()))
    assert control.is_running()
    before = control.pids()
    another = subprocess.run(sentinel.SUPERVISOR.command, timeout=100, check=False)
    assert another.returncode == 0
    assert control.pids() == before
    os.kill(before["supervisor"], signal.SIGKILL)
    assert started.wait(60) == -signal.SIGKILL
    wait(lambda: control.pids().get("supervisor") not in {None, before["supervisor"]})
    assert {**control.pids(), "supervisor": 0} == {**before, "supervisor": 0}
    assert control.stop(100)
    assert not list(processes.of_installation())
    assert not control.stop(100)


def test_told_to_end_it_ends_everything_in_order_and_says_so(home: Path) -> None:
    records.write_parts([part("first"), part("then", needs=("first",))])
    environment.server_file().write_text("{}", encoding="utf-8")
    records.want(True)
    started = processes.spawn(sentinel.SUPERVISOR)
    deadline = time.monotonic() + 120
    while not {"first", "then"} <= set(control.pids()):
        assert time.monotonic() < deadline, control.pids()
        time.sleep(0.1)
    started.terminate()
    assert started.wait(100) == 0
    assert not list(processes.of_installation())
    assert not records.is_wanted()
    assert not environment.server_file().exists()
    said = records.log_of("supervisor").read_text()
    assert said.index("then is stopped") < said.index("first is stopped")


def test_a_part_is_the_same_after_it_was_written_down() -> None:
    for each in (
        part("a", health=("true",), needs=("b",), environment={"X": "1"}),
        part("b", health="http://x"),
    ):
        records.write_parts([each])
        assert records.read_parts() == [each]
        assert parse(each.plain()) == each


def test_a_long_log_moves_into_numbered_files_while_it_is_written_to(home: Path) -> None:
    log = records.log_of("one")
    with log.open("ab") as file:
        for text in (b"first" * 100, b"second" * 100, b"third" * 100):
            file.write(text)
            file.flush()
            processes.rotate(100, 2)
        file.write(b"now")
    assert log.read_bytes() == b"now"
    assert log.with_suffix(".log.1").read_bytes() == b"third" * 100
    assert log.with_suffix(".log.2").read_bytes() == b"second" * 100
    assert len(list(records.logs().iterdir())) == 3
