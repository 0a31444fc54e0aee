"""Small evaluations from the form: forked from a worker's nursery, beside each in a process that starts anew.

The same servers, worker and evaluations on both sides; the other one is what Prefect's process worker does.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.measurement import Result, result
from flows.nursery import keeper
from infra.demo import prepare
from tasks import home

RUNS = 8


def run_starts() -> Result:
    """Seconds from one evaluation's end to the next one's, one at a time."""
    demo = (home.home() / "demo").resolve()
    prepare.prepare(demo, wider=False)
    ours, theirs = (_queue_worked_off(demo, wish) for wish in ("yes", "no"))
    return result(
        "run_starts",
        ours,
        theirs,
        f"{RUNS} evaluations of a small model on some fifty rows, queued at once, one worker that runs one "
        f"at a time: {ours / RUNS:.1f} s each where they are forked from a process that has imported what "
        f"they need, {theirs / RUNS:.1f} s each where Prefect's worker starts a process for each",
    )


def _queue_worked_off(demo: Path, wish: str) -> float:
    from tests.chaos import material
    from tests.chaos.place import installed

    os.environ[keeper.WISH] = wish
    first, *others = material.evaluations(demo, RUNS + 1)
    with (
        tempfile.TemporaryDirectory() as folder,
        installed(Path(folder), demo, workers=1, limit=1) as place,
    ):
        place.ended(place.start("evaluate/evaluate", first))
        began = time.perf_counter()
        for run in [place.start("evaluate/evaluate", each) for each in others]:
            place.ended(run)
        return time.perf_counter() - began
