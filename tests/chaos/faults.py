"""Faults: processes that die by `kill -9`, drawn from a seed."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.chaos.place import all_of, pids, runs_of
from tests.fleet.nodes import Nodes

SERVERS = ("prefect", "mlflow", "postgres")
KINDS = (*SERVERS, "worker", "machine", "run")
"""worker: the worker alone, its run lives on. machine: a worker and all it started. run: a run's process."""
AWAITED = 300.0
"""Seconds to wait for something that can be killed: a run may be on its way back into the queue."""


@dataclass(frozen=True)
class Fault:
    """One thing to happen.

    Attributes:
        kind: One of `KINDS`.
        after: Seconds after the one before.
    """

    kind: str
    after: float


def drawn(seed: int, count: int) -> list[Fault]:
    """Draw faults; every kind is among them where they are enough.

    Args:
        seed: The same one draws the same.
        count: How many.

    >>> [fault.kind for fault in drawn(1, 6)] == [fault.kind for fault in drawn(1, 6)]
    True
    >>> len({fault.kind for fault in drawn(5, 6)})
    6
    """
    chance = random.Random(seed)
    chosen: list[str] = []
    while len(chosen) < count:
        chosen += chance.sample(KINDS, len(KINDS))
    return [Fault(kind, chance.uniform(2, 15)) for kind in chosen[:count]]


def strike(fault: Fault, chance: random.Random) -> str:
    """Let a fault happen; return what did."""
    if fault.kind in SERVERS:
        return _killed([psutil.Process(pid) for name, pid in pids().items() if name == fault.kind])
    deadline = time.monotonic() + AWAITED
    while time.monotonic() < deadline:
        workers = sorted(name for name in pids() if name.startswith("worker"))
        busy = [name for name in workers if runs_of(name)]
        if busy or (workers and fault.kind == "worker"):
            chosen = chance.choice(busy or workers)
            mine, own = runs_of(chosen), [psutil.Process(pid) for pid in [pids().get(chosen)] if pid]
            victims = {"worker": own, "machine": [*own, *all_of(chosen)], "run": mine}[fault.kind]
            if victims:
                return f"{chosen}: {_killed(victims)}"
        time.sleep(0.5)
    return "nothing there to kill"


def kill_actor(nodes: Nodes, seed: int, over: threading.Event, killed: list[int]) -> str:
    """Kill a Ray actor while it predicts, and say so.

    Args:
        nodes: The cluster's.
        seed: Which, and when.
        over: Set when no more will come.
        killed: Told the process that was.
    """
    chance = random.Random(seed)
    while not over.wait(0.2):
        if not nodes.predicting():
            continue
        over.wait(chance.uniform(0, 3))
        if there := nodes.predicting():
            chosen = chance.choice(there)
            chosen.kill()
            killed.append(chosen.pid)
            return f"a Ray actor: killed {chosen.pid}"
    return "a Ray actor: none there to kill"


def _killed(victims: list[psutil.Process]) -> str:
    done = []
    for each in victims:
        with suppress(psutil.NoSuchProcess):
            each.kill()
            done.append(str(each.pid))
    return f"killed {', '.join(done)}" if done else "nothing there to kill"
