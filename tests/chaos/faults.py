"""Faults: processes that die by `kill -9`, drawn from a seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.chaos.place import pids, runs_of

SERVERS = ("prefect", "mlflow", "postgres")
KINDS = (*SERVERS, "worker", "machine", "run")
"""worker: the worker alone, its run lives on. machine: a worker and all it started. run: a run's process."""
DEADLY = ("machine", "run")
"""Those that end a run's process, which may happen to it less often than it is given up for."""
MOST_DEADLY = 2
AWAITED = 300.0
"""Seconds to wait for something that can be killed: a run may be on its way back into the queue."""


@dataclass(frozen=True)
class Fault:
    """One thing to happen.

    Attributes:
        kind: One of `KINDS`, or "actor": a Ray actor.
        after: Seconds after the one before.
    """

    kind: str
    after: float


def drawn(seed: int, count: int, *, actors: bool = False) -> list[Fault]:
    """Draw faults; every kind is among them where they are enough.

    >>> [fault.kind for fault in drawn(1, 6)] == [fault.kind for fault in drawn(1, 6)]
    True
    >>> len({fault.kind for fault in drawn(5, 6)})
    6
    """
    chance = random.Random(seed)
    kinds = [*KINDS, *(["actor"] if actors else [])]
    chosen: list[str] = []
    while len(chosen) < count:
        once = chance.sample(kinds, len(kinds))
        chosen += [
            kind
            for kind in once
            if kind not in DEADLY or sum(each in DEADLY for each in chosen) < MOST_DEADLY
        ]
    return [Fault(kind, chance.uniform(2, 15)) for kind in chosen[:count]]


def strike(fault: Fault, chance: random.Random, actors: Callable[[], list[psutil.Process]]) -> str:
    """Let a fault happen; return what did."""
    if fault.kind in SERVERS:
        return _killed([psutil.Process(pid) for name, pid in pids().items() if name == fault.kind])
    if fault.kind == "actor":
        return _killed(actors()[:1])
    deadline = time.monotonic() + AWAITED
    while time.monotonic() < deadline:
        workers = sorted(name for name in pids() if name.startswith("worker"))
        busy = [name for name in workers if runs_of(name)]
        if busy or (workers and fault.kind == "worker"):
            chosen = chance.choice(busy or workers)
            mine, own = runs_of(chosen), [psutil.Process(pid) for pid in [pids().get(chosen)] if pid]
            victims = {"worker": own, "machine": [*own, *mine], "run": mine}[fault.kind]
            if victims:
                return f"{chosen}: {_killed(victims)}"
        time.sleep(0.5)
    return "nothing there to kill"


def _killed(victims: list[psutil.Process]) -> str:
    done = []
    for each in victims:
        with suppress(psutil.NoSuchProcess):
            each.kill()
            done.append(str(each.pid))
    return f"killed {', '.join(done)}" if done else "nothing there to kill"
