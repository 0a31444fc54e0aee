"""`python -m tests.chaos.load --evaluations 200 --workers 2`: many evaluations, submitted at once.

Prints how many finished, how often one was begun or recorded twice, what the logs say of locks, and how long
the servers took to answer the questions of their pages meanwhile; exits with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos import material, outcome
from tests.chaos.latency import Answers, sampled
from tests.chaos.place import LONGEST, Place, installed, say

PAGE = 200
"""Runs that Prefect's server returns at a time."""
LOCKS = ("database is locked", "deadlock", "could not serialize", "too many clients", "queuepool limit")


@dataclass(frozen=True)
class Load:
    """What became of so many evaluations.

    Attributes:
        states: How many runs ended in each state.
        begun: How many runs were begun how often.
        recorded: How many finished MLflow runs there are of models, and of evaluations.
        twice: What more than one MLflow run is of.
        locks: Lines of the logs that tell of locks, by log.
        submitting: Seconds that submitting took, and `finishing` the whole.
    """

    states: Counter[str]
    begun: Counter[int]
    recorded: tuple[int, int]
    twice: tuple[Any, ...]
    locks: dict[str, int]
    answers: Answers
    submitting: float
    finishing: float

    def complaints(self, count: int) -> list[str]:
        """Return what is wrong, in sentences."""
        said = []
        if self.states != Counter({"Completed": count}):
            said.append(f"The runs ended as {dict(self.states)}.")
        if set(self.begun) != {1}:
            said.append(f"Runs were begun so often: {dict(self.begun)}.")
        if self.recorded != (count, count):
            said.append(f"MLflow holds {self.recorded} finished runs of models and evaluations, not {count}.")
        if self.twice:
            said.append(f"More than one run is of {self.twice}.")
        if self.locks:
            said.append(f"The logs tell of locks: {self.locks}.")
        if self.answers.failures:
            said.append(f"{len(self.answers.failures)} questions failed, as {self.answers.failures[0]}.")
        return said


def loaded(place: Place, demo: Path, count: int, tell: Callable[[str], None] = print) -> Load:
    """Submit so many evaluations at once, and wait until all have ended."""
    experiment = "load"
    asked = material.evaluations(demo, count)
    for each in asked:
        each["settings"]["experiment"] = experiment
    began = time.monotonic()
    with sampled(place.prefect, place.mlflow) as answers:
        with ThreadPoolExecutor(16) as pool:
            runs = list(pool.map(lambda each: place.start("evaluate/evaluate", each), asked))
        submitting = time.monotonic() - began
        tell(f"{count} evaluations submitted in {submitting:.1f} s")
        ended = _ended(place, runs, tell)
    finishing = time.monotonic() - began
    judged, twice = outcome.recorded(place.mlflow, experiment)
    return Load(
        Counter(str(run["state_name"]) for run in ended),
        Counter(int(run["run_count"]) for run in ended),
        judged,
        twice,
        place.errors(*LOCKS),
        answers,
        submitting,
        finishing,
    )


def _ended(place: Place, runs: list[UUID], tell: Callable[[str], None]) -> list[dict[str, Any]]:
    wanted = {str(run) for run in runs}
    deadline, told = time.monotonic() + LONGEST * 2, 0
    while True:
        every = [run for run in _every(place) if run["id"] in wanted]
        over = [run for run in every if run["state_type"] in ("COMPLETED", "FAILED", "CANCELLED")]
        if len(over) >= told + 10 or len(over) == len(runs):
            told = len(over)
            tell(f"{told} of {len(runs)} have ended")
        if len(over) == len(runs):
            return over
        states = dict(Counter(str(run["state_name"]) for run in every))
        assert time.monotonic() < deadline, f"The runs are {states}. {place.seen(runs[0])}"
        time.sleep(3)


def _every(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with place.client() as client:
        while True:
            page = {"limit": PAGE, "offset": len(found), "sort": "ID_DESC"}
            some = client.request("POST", "/flow_runs/filter", json=page).json()
            found += some
            if len(some) < PAGE:
                return found


def told(place: Place, demo: Path, count: int) -> list[str]:
    """Load an installation, print what became of it, and return what is wrong."""
    found = loaded(place, demo, count, say)
    for line in found.answers.table():
        say(line)
    rate = found.finishing / count
    say(f"all ended after {found.finishing:.0f} s, {rate:.1f} s each; states {dict(found.states)}")
    wrong = found.complaints(count)
    for line in wrong or ["none lost, none twice, no word of locks in the logs"]:
        say(line)
    return wrong


def main() -> int:
    """Load an installation of its own, print what became of it, and return how much is wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--evaluations", type=int, default=200)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--limit", type=int, default=2, help="Runs that each worker takes at a time.")
    asked.add_argument("--demo", type=Path, default=Path(".assay/demo"), help="`make demo` makes it.")
    given = asked.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        installed(Path(folder), workers=given.workers, limit=given.limit) as place,
    ):
        say(f"Prefect {place.prefect}, MLflow {place.mlflow}, data in {folder}")
        wrong = told(place, given.demo.resolve(), given.evaluations)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
