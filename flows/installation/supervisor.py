"""The supervisor: starts the parts in order, starts again what dies or no longer answers.

It holds a lock for as long as it lives, so there is one. Killed, it leaves the parts as they are; the
sentinel starts another, which takes them over.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from types import FrameType

import filelock
import psutil

from flows.installation import processes, records
from flows.installation.health import Watch
from flows.installation.parts import Part

TICK = 0.5
LONGEST_PAUSE = 60.0
"""Seconds between attempts at most; the first comes at once, the next after one second, then two, four …"""
STEADY = 60.0
"""Seconds a part must have run for its next death to count as a first one."""
LOG_BYTES, LOGS_KEPT = 20_000_000, 5
ROTATED_EVERY = 30.0

logger = logging.getLogger("assay.supervisor")


@dataclass
class Held:
    """A part, its process, and what is known of both."""

    part: Part
    process: psutil.Process | None = None
    watch: Watch | None = None
    done: bool = False
    starts: int = 0
    deaths: int = 0
    not_before: float = 0.0
    problem: str = ""

    @property
    def works(self) -> bool:
        """Whether what needs it can start."""
        if self.part.once:
            return self.done
        return self.process is not None and self.watch is not None and self.watch.now


class Supervisor:
    """Holds the parts of the installation. One process has one; see `main`."""

    def __init__(self, parts: Sequence[Part]) -> None:
        known = records.read("processes.json") or {}
        said = known.get("parts", {})
        self.held = {part.name: Held(part) for part in parts}
        for name, held in self.held.items():
            before = said.get(name, {})
            held.starts, held.done = before.get("starts", 0), held.part.once and before.get("done", False)
            held.process = processes.adopt(held.part)
            if held.process is not None:
                held.watch = Watch(held.part.health)
                logger.info("%s is taken over, process %d", name, held.process.pid)
        self._written = ""
        self._rotated = 0.0

    def tick(self) -> None:
        """Look at every part once, and do what is to be done."""
        for held in self.held.values():
            if held.process is None:
                self._start_if_possible(held)
            elif not processes.is_alive(held.process):
                self._bury(held)
            else:
                self._look(held)
        if time.monotonic() - self._rotated > ROTATED_EVERY:
            processes.rotate(LOG_BYTES, LOGS_KEPT)
            self._rotated = time.monotonic()
        self.write()

    def _ready(self, part: Part) -> bool:
        return all(self.held[name].works for name in part.needs)

    def _start_if_possible(self, held: Held) -> None:
        if held.done or time.monotonic() < held.not_before or not self._ready(held.part):
            return
        held.process = processes.adopt(held.part)
        try:
            held.process = held.process or processes.spawn(held.part)
        except OSError as error:
            self._postpone(held, f"cannot be started: {error}")
            return
        held.starts += 1
        held.watch = Watch(held.part.health)
        logger.info("%s is started, process %d", held.part.name, held.process.pid)

    def _bury(self, held: Held) -> None:
        process, held.process = held.process, None
        status = process.poll() if isinstance(process, psutil.Popen) else None
        if held.part.once and status == 0:
            held.done, held.problem = True, ""
            logger.info("%s is done", held.part.name)
            return
        ran = time.monotonic() - held.watch.since if held.watch else 0.0
        if ran > STEADY:
            held.deaths = 0
        self._postpone(held, "ended" if status is None else f"ended with status {status}")

    def _postpone(self, held: Held, problem: str) -> None:
        pause = min(LONGEST_PAUSE, 2.0 ** (held.deaths - 1)) if held.deaths else 0.0
        held.deaths += 1
        held.not_before = time.monotonic() + pause
        held.problem = problem
        logger.warning("%s %s; it is started again in %.0f s", held.part.name, problem, pause)

    def _look(self, held: Held) -> None:
        if held.part.once or held.watch is None or held.process is None:
            return
        held.watch.look()
        if held.watch.now:
            held.problem = ""
        elif not self._ready(held.part):
            held.watch.excuse()
        elif held.watch.is_lost():
            logger.warning("%s lives but does not answer", held.part.name)
            processes.end(held.process, held.part.ends_by, held.part.grace)
            held.process = None
            self._postpone(held, "did not answer")

    def write(self) -> None:
        """Write down what runs, if it changed."""
        parts = {
            name: {
                "pid": held.process.pid if held.process else None,
                "works": held.works,
                "done": held.done,
                "starts": held.starts,
                "problem": held.problem,
            }
            for name, held in self.held.items()
        }
        content = {"supervisor": os.getpid(), "parts": parts}
        if str(content) != self._written:
            records.write("processes.json", content)
            self._written = str(content)

    def stop(self) -> None:
        """End every part, the last started first: workers are given time for their runs before servers go."""
        logger.info("stopping")
        order = list(self.held.values())[::-1]
        leaving = [held for held in order if held.part.leaves and held.process is not None]
        for held in leaving:
            # Asked twice, a Prefect worker would end at once; so all are asked here, and then waited for.
            with suppress(psutil.Error):
                held.process.send_signal(held.part.ends_by)  # type: ignore[union-attr] # see leaving
        for held in leaving:
            processes.await_end([held.process] if held.process else [], held.part.grace)
        for held in order:
            if held.process is not None and not held.part.leaves:
                processes.end(held.process, held.part.ends_by, held.part.grace)
            for process in list(processes.of_installation(held.part.name)):
                processes.end(process, signal.SIGTERM, held.part.grace, descendants=False)
            held.process, held.watch, held.done = None, None, False
            logger.info("%s is stopped", held.part.name)
            self.write()
        (records.folder() / "processes.json").unlink(missing_ok=True)
        logger.info("stopped")


def lock() -> filelock.FileLock:
    """Return the lock of the one supervisor, not yet taken."""
    return filelock.FileLock(records.lock())


def speak() -> None:
    """Write what the supervisor says to its own log."""
    handler = RotatingFileHandler(records.log_of("supervisor"), maxBytes=5_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def run() -> None:
    """Supervise until told to stop, by a signal or because the installation is no longer wanted."""
    held = lock()
    try:
        held.acquire(timeout=10)
    except filelock.Timeout:
        logger.info("another supervisor is at work")
        return
    with held:
        supervisor = Supervisor(records.read_parts())
        logger.info("supervising, process %d", os.getpid())

        def ask(number: int, frame: FrameType | None) -> None:
            records.want(False)

        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)
        while records.is_wanted():
            supervisor.tick()
            time.sleep(TICK)
        supervisor.stop()


def main() -> None:
    """Be the supervisor's process."""
    speak()
    try:
        run()
    except Exception:
        logger.exception("the supervisor failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
