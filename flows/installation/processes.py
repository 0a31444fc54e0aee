"""Processes of the installation, known by a mark in their environment.

A process that was started but not yet written down when its supervisor was killed is found all the same,
and no process of another program that was given an old id is ever taken for one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from flows.installation import records
from flows.installation.parts import Part
from tasks import home

INSTALLATION = "ASSAY_INSTALLATION"
PART = "ASSAY_PART"
ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
NOT_PASSED_ON = {"PREFECT_API_URL", "PREFECT_API_AUTH_STRING"}
"""What a part is told by its own environment or not at all."""


def spawn(part: Part) -> psutil.Popen:
    """Start a part in a session of its own, its output at the end of its log."""
    for path in part.reaches:
        let_reach(Path(path))
    inherited = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
    marked = {INSTALLATION: str(home.home()), PART: part.name}
    with records.log_of(part.name).open("ab") as log:
        return psutil.Popen(
            part.command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**inherited, **part.environment, **marked},
            start_new_session=True,
            **({"user": part.user, "group": part.user, "extra_groups": []} if part.user else {}),
        )


def let_reach(path: Path) -> None:
    """Let other accounts pass through the folders above a path, without letting them look around there."""
    for above in path.parents:
        mode = above.stat().st_mode
        if not mode & 0o001:
            above.chmod(mode | 0o001)


def of_installation(part: str | None = None) -> Iterator[psutil.Process]:
    """Find what runs by the mark: all of the installation, or of one part."""
    wanted = str(home.home())
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid == os.getpid() or process.status() in ENDED:
                continue
            environment = process.environ()
            if environment.get(INSTALLATION) == wanted and part in (None, environment.get(PART)):
                yield process


def adopt(part: Part) -> psutil.Process | None:
    """Find the process of a part that an earlier supervisor started; end what should not be there.

    Of several, the oldest stays; of a part whose own process is gone, what that had started ends.
    """
    found = sorted(of_installation(part.name), key=lambda process: process.create_time())
    own = [process for process in found if _runs(process, part)]
    kept = own[0] if own else None
    # What a dead server left holds its port; the runs of a dead worker go on.
    left = own[1:] if kept or part.leaves else found
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return kept


def _runs(process: psutil.Process, part: Part) -> bool:
    with suppress(psutil.Error):
        return bool(process.cmdline()[1:] == list(part.command[1:]))
    return False


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs, reaping it if it was a child that ended."""
    if isinstance(process, psutil.Popen):
        return process.poll() is None
    try:
        return bool(process.is_running() and process.status() not in ENDED)
    except psutil.Error:
        return False


def end(process: psutil.Process, how: int, grace: float, descendants: bool = True) -> None:
    """Ask a process to end, wait, and end it with all that it started.

    Args:
        process: The process.
        how: The signal that asks it.
        grace: Seconds that it is given.
        descendants: Whether what it started ends too.
    """
    below: list[psutil.Process] = []
    with suppress(psutil.Error):
        below = process.children(recursive=True) if descendants else []
    with suppress(psutil.Error):
        process.send_signal(how)
    await_end([process, *below], grace)
    for each in (process, *below):
        if is_alive(each):
            with suppress(psutil.Error):
                each.kill()
    await_end([process, *below], 10)


def await_end(processes: Sequence[psutil.Process], seconds: float) -> bool:
    """Wait until processes have ended; tell whether they have."""
    deadline = time.monotonic() + seconds
    while any(is_alive(each) for each in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module."""
    return (sys.executable, "-m", module, *arguments)


def rotate(most_bytes: int, kept: int) -> None:
    """Move what logs hold into numbered files where it is much: they are open, so it is copied and cut off.

    Args:
        most_bytes: Of a log, before it is moved.
        kept: Numbered files of a log.
    """
    for log in records.logs().glob("*.log"):
        with suppress(OSError):
            if log.stat().st_size <= most_bytes:
                continue
            for number in range(kept - 1, 0, -1):
                older = log.with_suffix(f".log.{number}")
                if older.exists():
                    older.replace(log.with_suffix(f".log.{number + 1}"))
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
