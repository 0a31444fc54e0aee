"""Timing two ways of one job side by side, and keeping the result."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
RESULTS = Path(__file__).parent / "results.json"
TIMES = 3


@dataclass(frozen=True)
class Result:
    """What a benchmark found; seconds are the best of several runs each, taken in turn."""

    name: str
    ours_s: float
    theirs_s: float
    ratio: float
    detail: str
    machine: str
    commit: str


def timed(work: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def clocked(work: Callable[[], T]) -> tuple[float, T]:
    """Return how long a call takes, in seconds, and what it returns."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def result(name: str, ours_s: float, theirs_s: float, detail: str) -> Result:
    """Return what was measured, with the machine and the commit it was measured on."""
    return Result(name, ours_s, theirs_s, theirs_s / ours_s, detail, _machine(), _commit())


def side_by_side(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], detail: str, times: int = TIMES
) -> Result:
    """Run both in turn, so many times each, and compare their best times."""
    pairs = [(timed(ours), timed(theirs)) for _ in range(times)]
    mine, other = (min(pair[side] for pair in pairs) for side in (0, 1))
    return result(name, mine, other, detail)


def _machine() -> str:
    import os

    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def keep(results: list[Result]) -> None:
    """Write results over those of the same names."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    names = {result.name for result in results}
    merged = [each for each in known if each["name"] not in names] + [asdict(each) for each in results]
    RESULTS.write_text(
        json.dumps(sorted(merged, key=lambda each: str(each["name"])), indent=1) + "\n", encoding="utf-8"
    )
