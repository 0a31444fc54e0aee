"""A run that is forked: to the worker it is a process like any other, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flows.nursery import stand_in
from flows.nursery.service import differing

NURSERY = """
import os, socket, sys
from flows.nursery.service import Nursery
listener = socket.socket(fileno=int(sys.argv[1]))
print("ready", flush=True)
request = Nursery(listener, os.dup(0), dict(os.environ)).serve()
for target, each in enumerate(request.output):
    os.dup2(each, target)
exec(request.environment["PREFECT__TEST"])
"""
"""A nursery whose runs are lines of Python, and which has imported nothing."""
STARTS = "open(os.environ['STARTED'], 'w').write(str(os.getpid())); import time\n"
SLEEPS = STARTS + "time.sleep(60)"


class Place:
    """A nursery in a folder, and stand-ins of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "place"
        self.place.mkdir()
        self.started = folder / "started"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.place / "socket"))
        listener.listen()
        self.environment = {
            **os.environ,
            "STARTED": str(self.started),
            stand_in.SOCKET: str(self.place / "socket"),
        }
        with listener:
            self.nursery = subprocess.Popen(
                [sys.executable, "-c", NURSERY, str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self.environment,
                pass_fds=[listener.fileno()],
            )
        assert self.nursery.stdout is not None
        assert self.nursery.stdout.readline() == b"ready\n"

    def run(self, code: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", stand_in.__file__],
            cwd=self.folder,
            env={**self.environment, "PREFECT__TEST": code, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def child(self) -> psutil.Process:
        """Wait until a run has begun; return its process."""
        self.until(lambda: self.started.exists() and self.started.read_text() != "")
        return psutil.Process(int(self.started.read_text()))

    def until(self, found: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not found():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def gone(self, process: psutil.Process) -> None:
        """Wait until a process has ended; whoever reaps it may take its time."""

        def ended() -> bool:
            with suppress(psutil.NoSuchProcess):
                return process.status() == psutil.STATUS_ZOMBIE
            return True

        self.until(ended)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    # A socket's path is short.
    made = Place(tmp_path_factory.mktemp("n"))
    with made.nursery:
        yield made
        made.nursery.kill()


def test_a_run_has_its_folder_its_output_and_its_exit_code(place: Place) -> None:
    run = place.run("print(request.folder, flush=True); os._exit(3)")
    assert run.communicate(timeout=60) == (f"{place.folder}\n", "")
    assert run.returncode == 3


def test_runs_are_side_by_side(place: Place) -> None:
    first = place.run(SLEEPS)
    place.child()
    second = place.run("print('done', flush=True); os._exit(0)")
    assert second.communicate(timeout=60)[0] == "done\n"
    assert first.poll() is None
    first.kill()
    first.communicate()


def test_a_run_that_dies_of_a_signal_is_seen_to(place: Place) -> None:
    run = place.run("import signal; os.kill(os.getpid(), signal.SIGABRT)")
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGABRT


def test_a_run_is_asked_to_end_by_the_signal_that_its_stand_in_got(place: Place) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(7))\n"
    run = place.run(code + SLEEPS)
    place.child()
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode == 7


def test_a_run_ends_with_its_stand_in(place: Place) -> None:
    run = place.run(SLEEPS)
    child = place.child()
    run.kill()
    place.gone(child)
    run.communicate()
    # The others have their nursery still.
    after = place.run("os._exit(0)")
    after.communicate(timeout=60)
    assert after.returncode == 0


def test_a_run_ends_with_the_nursery_and_seems_killed(place: Place) -> None:
    run = place.run(SLEEPS)
    child = place.child()
    place.nursery.kill()
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    place.gone(child)


def test_what_runs_goes_on_when_the_worker_is_gone_and_then_the_nursery_ends(place: Place) -> None:
    goes_on = place.folder / "go"
    code = f"while not os.path.exists({str(goes_on)!r}): time.sleep(0.05)\nos._exit(0)"
    run = place.run(STARTS + code)
    place.child()
    assert place.nursery.stdin is not None
    place.nursery.stdin.close()
    place.until(lambda: not place.place.exists())
    assert run.poll() is None
    goes_on.touch()
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert place.nursery.wait(60) == 0


@pytest.mark.parametrize("other", [{"OMP_NUM_THREADS": "3"}, {stand_in.SOCKET: "/nowhere"}])
def test_a_run_of_another_environment_or_without_a_nursery_is_a_process_of_its_own(
    place: Place, other: dict[str, str]
) -> None:
    run = place.run("print('forked', flush=True); os._exit(0)", PREFECT__FLOW_RUN_ID="none", **other)
    printed, said = run.communicate(timeout=120)
    assert printed == ""
    # Prefect's engine itself, asked for no run that there is.
    assert "Invalid flow run id" in printed + said
    assert run.returncode == 1


def test_what_belongs_to_a_run_alone_makes_no_difference() -> None:
    here = {"HF_HUB_OFFLINE": "1", "PREFECT_API_URL": "http://one"}
    own = {"PREFECT__FLOW_RUN_ID": "1", stand_in.SOCKET: "/here", "PWD": "/there"}
    assert differing({**here, **own}, here) == []
    assert differing({**here, "PREFECT_API_URL": "http://two"}, here) == ["PREFECT_API_URL"]
    assert differing({}, here) == ["HF_HUB_OFFLINE", "PREFECT_API_URL"]
