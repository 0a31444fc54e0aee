"""One evaluation run by one, two and four processes, or nodes of a Ray cluster, on a workload that waits.

The model is a server that takes a while over every answer; each process, or node, has two questions under
way. `python -m benchmarks.scaling worker EVALUATION` is one such process: it says that it is ready, waits for
a line, predicts, and says how many rows it did.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measurement import Result, result

ROWS, CHUNK_ROWS, DELAY, UNDER_WAY = 480, 8, 0.2, 2
FLEETS = (1, 2, 4)
RAY_DELAY = 0.5
"""Longer than for processes: starting a worker on a node takes seconds, and is counted."""


def scaling() -> Result:
    """Four processes beside one; the ratio is how many times faster they are.

    Raises:
        AssertionError: A row was predicted twice, or four processes are less than three times as fast.
    """
    from tests.endpoint.server import Talker, running

    seconds: dict[int, float] = {}
    shares: dict[int, list[int]] = {}
    for count in FLEETS:
        with tempfile.TemporaryDirectory() as folder, running(Talker(key="", delay=DELAY)) as talker:
            seconds[count], shares[count] = _timed(count, Path(folder), talker)
            assert len(talker.asked) == ROWS, f"{len(talker.asked)} questions for {ROWS} rows"
    ideal = ROWS * DELAY / UNDER_WAY
    times = ", ".join(f"{count}: {took:.1f} s" for count, took in seconds.items())
    found = result(
        "scaling_processes",
        seconds[4],
        seconds[1],
        f"processes of the same evaluation on one chunk store, {times} (one that did nothing but wait would "
        f"take {ideal:.0f} s); {ROWS} answers of {DELAY} s, {UNDER_WAY} at a time in each process, none "
        f"asked for twice; the four did {'/'.join(map(str, shares[4]))} rows",
    )
    assert found.ratio > 3, found.detail
    return found


def scaling_ray() -> Result:
    """Four nodes of a Ray cluster beside one; the ratio is how many times faster they are.

    Raises:
        AssertionError: A row was predicted twice, or four nodes are less than twice as fast.
    """
    from tests.endpoint.server import Talker, running
    from tests.fleet import nodes as cluster

    seconds: dict[int, float] = {}
    with cluster.running() as nodes:
        for count in FLEETS:
            nodes.fill(count)
            with tempfile.TemporaryDirectory() as folder, running(Talker(key="", delay=RAY_DELAY)) as talker:
                seconds[count], _ = _timed(1, Path(folder), talker, ray=nodes.address)
                assert len(talker.asked) == ROWS, f"{len(talker.asked)} questions for {ROWS} rows"
    ideal = ROWS * RAY_DELAY / UNDER_WAY
    times = ", ".join(f"{count}: {took:.1f} s" for count, took in seconds.items())
    found = result(
        "scaling_ray",
        seconds[4],
        seconds[1],
        f"nodes of a Ray cluster on one machine, a worker each, {times} (one that did nothing but wait would "
        f"take {ideal:.0f} s); {ROWS} answers of {RAY_DELAY} s, {UNDER_WAY} at a time on each node, none "
        "asked for twice; connecting to the cluster and starting the workers included",
    )
    assert found.ratio > 2, found.detail
    return found


def _timed(count: int, folder: Path, talker: Any, **settings: Any) -> tuple[float, list[int]]:
    """Return how long so many processes take from a common start, and the rows that each did."""
    import datasets

    prompts = [f"what of number {row}" for row in range(ROWS)]
    datasets.Dataset.from_dict({"prompt": prompts, "answer": prompts}).save_to_disk(folder / "rows")
    described = {
        "task": "text-generation",
        "dataset": {"path": str(folder / "rows")},
        "models": [{"name": "small-talker", "endpoint": talker.address, "concurrency": UNDER_WAY}],
        "settings": {"chunk_rows": CHUNK_ROWS, **settings},
    }
    command = [sys.executable, "-m", "benchmarks.scaling", "worker", json.dumps(described)]
    workers = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ASSAY_HOME": f"{folder}/assay", "HF_DATASETS_CACHE": f"{folder}/datasets"},
        )
        for _ in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate()[0] for worker in workers]
    took = time.perf_counter() - began
    assert not any(worker.returncode for worker in workers)
    return took, [int(each.splitlines()[-1]) for each in said]


def worker(described: dict[str, Any]) -> None:
    """Predict a described evaluation together with whoever else does."""
    from tasks import candidates, load, predict
    from tasks.columns import map_columns
    from tasks.configs import parse
    from tasks.plan import Plan, requests
    from tasks.types import task_type

    evaluation = parse(described)
    rows = load.load(evaluation.dataset, 0)
    features = load.open_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    print("ready", flush=True)
    sys.stdin.readline()
    tally = predict.predict(plan, candidate).tally
    print(tally.rows - tally.reused)


if __name__ == "__main__":
    worker(json.loads(sys.argv[2]))
