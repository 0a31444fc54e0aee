"""What a whole evaluation costs beyond its work: a model that costs nothing, beside a bare script.

Both sides read the same 1,000 rows, ask the same model, and score accuracy and macro F1 with intervals; the
evaluation also pins, checks, stores, tracks and reports, with real servers of Prefect and MLflow up.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.measurement import Result, result, timed
from flows.serving import companion
from tasks import configs
from tasks.spec import Evaluation

ROWS, TIMES, STEPS, EMPTY = 1000, 5, 7, 20
"""Steps are the Prefect tasks of an evaluation of one model."""
MOST_SECONDS, MOST_PER_TASK = 2.0, 0.1


def overhead() -> Result:
    """Time evaluations with servers up, the same without Prefect, and a bare script: the best of several."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        evaluation = _evaluation(place)
        with _home(place), companion.server() as prefect, _mlflow(place):
            from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

            from flows.evaluation import evaluate

            if prefect:
                prefect.wait()
            given = {key: getattr(evaluation, key) for key in type(evaluation).model_fields}
            ways = {
                "evaluate": lambda: evaluate(**given),
                "plain": lambda: _plain(evaluation),
                "script": lambda: _script(place),
            }
            with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                for work in ways.values():
                    work()
                turns = [{name: timed(work) for name, work in ways.items()} for _ in range(TIMES)]
                per_empty_task = _per_empty_task()
    best = {name: min(turn[name] for turn in turns) for name in ways}
    more = best["evaluate"] - best["script"]
    per_task = (best["evaluate"] - best["plain"]) / STEPS
    kept = "within" if more < MOST_SECONDS and per_task < MOST_PER_TASK else "OVER"
    limits = f"{kept} the targets of {MOST_SECONDS:.0f} s and {MOST_PER_TASK * 1000:.0f} ms"
    return result(
        "overhead",
        best["evaluate"],
        best["script"],
        f"{more:.2f} s more than the script and {per_task * 1000:.0f} ms of Prefect a task, the flow's own "
        f"in it ({per_empty_task * 1000:.0f} ms an empty task): {limits}; "
        f"{best['plain']:.2f} s without Prefect; {ROWS} rows, one model, best of {TIMES}; all steps of an "
        "evaluation with servers up, against a script that reads, predicts and scores, and pins, stores and "
        "tracks nothing",
    )


def _evaluation(place: Path) -> Evaluation:
    """Make a table, and a model of it that costs nothing."""
    import numpy as np
    import pandas as pd
    import skops.io
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    numbers = pd.DataFrame(generator.normal(size=(ROWS, 4)), columns=list("abcd"))
    kinds = np.where(numbers["a"] + generator.normal(size=ROWS) > 0, "more", "less")
    numbers.assign(kind=kinds).to_parquet(place / "rows.parquet")
    (place / "model").mkdir()
    skops.io.dump(LogisticRegression().fit(numbers, kinds), place / "model" / "model.skops")
    return configs.parse(
        {
            "task": "tabular-classification",
            "dataset": {"path": str(place / "rows.parquet")},
            "columns": {"features": "a, b, c, d", "label": "kind"},
            "models": [str(place / "model")],
            "metrics": ["accuracy", "f1"],
            # What is stored would be reused, and nothing be left to do.
            "settings": {"reuse": False},
        }
    )


def _script(place: Path) -> dict[str, Any]:
    """Do the work and nothing else: read, predict, score, with intervals by the same 1,000 resamples."""
    import datasets
    import numpy as np
    import skops.io
    from sklearn.metrics import accuracy_score, f1_score

    rows = datasets.Dataset.from_parquet(str(place / "rows.parquet")).to_pandas()
    model = skops.io.load(place / "model" / "model.skops")
    found, right = model.predict(rows[list("abcd")]), rows["kind"].to_numpy()
    generator = np.random.default_rng(0)
    drawn = [generator.integers(0, ROWS, ROWS) for _ in range(1000)]
    hits = found == right
    # By counts, since scikit-learn's F1 a thousand times over would take seconds.
    cells = np.stack(
        [(found == one) & (right == other) for one in ("more", "less") for other in ("more", "less")]
    )
    counts = np.array([cells[:, each].sum(axis=1) for each in drawn], dtype=float)
    many, few = (2 * counts[:, at] / (2 * counts[:, at] + counts[:, 1] + counts[:, 2]) for at in (0, 3))
    return {
        "accuracy": accuracy_score(right, found),
        "f1_macro": f1_score(right, found, average="macro"),
        "accuracy_interval": np.quantile([hits[each].mean() for each in drawn], [0.025, 0.975]),
        "f1_macro_interval": np.quantile((many + few) / 2, [0.025, 0.975]),
    }


def _plain(evaluation: Evaluation) -> None:
    """Do all that the flow does, MLflow included, as plain calls without Prefect."""
    from tasks import candidates, columns, compare, load, predict, report, score, track
    from tasks.plan import Plan, requests
    from tasks.types import task_type

    requested = requests(evaluation)
    rows = load.load(evaluation.dataset, evaluation.settings.seed)
    features = load.head_rows(rows).features
    mapping = columns.map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requested)
    found = candidates.decide(plan)
    parent = track.begin(plan, found, {})
    outcomes = []
    for candidate in found:
        predictions = predict.predict(plan, candidate)
        judgement = score.score(plan, candidate, predictions)
        run_id = track.record(parent, plan, candidate, predictions, judgement, {})
        outcomes.append(compare.Outcome(candidate, predictions, judgement, run_id))
    reports = report.reports(plan, outcomes, compare.standings(plan, outcomes))
    track.describe(parent, reports)
    report.markdown(reports)
    track.end(parent, "FINISHED")


def _per_empty_task() -> float:
    """Return the seconds that one more empty task takes in a flow."""
    from prefect import flow, task

    @task(name="empty")
    def nothing(number: int) -> int:
        return number

    @flow(name="empty")
    def tasks(count: int) -> None:
        for number in range(count):
            nothing(number)

    tasks(1)
    long = min(timed(lambda: tasks(EMPTY)) for _ in range(3))
    short = min(timed(lambda: tasks(0)) for _ in range(3))
    return (long - short) / EMPTY


@contextmanager
def _home(place: Path) -> Iterator[None]:
    """Keep everything that is made in one folder, while the context is open."""
    before = {name: os.environ.get(name) for name in ("ASSAY_HOME", "MLFLOW_TRACKING_URI", "PREFECT_HOME")}
    os.environ |= {"ASSAY_HOME": str(place / "assay"), "PREFECT_HOME": str(place / "prefect")}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ |= {name: value} if value is not None else {}


@contextmanager
def _mlflow(place: Path) -> Iterator[None]:
    """Hold an MLflow server, and name it as the store, while the context is open."""
    port = companion.free_port()
    address = f"http://{companion.HOST}:{port}"
    store = ["--backend-store-uri", f"sqlite:///{place / 'mlflow.db'}", "--workers", "1", "--serve-artifacts"]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        companion.HOST,
        "--port",
        str(port),
        *store,
    ]
    with (place / "mlflow.log").open("wb") as log:
        serving = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + companion.PATIENCE
        while time.monotonic() < deadline and serving.poll() is None:
            with (
                suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(f"{address}/health", timeout=5),
            ):
                break
            time.sleep(0.2)
        os.environ["MLFLOW_TRACKING_URI"] = address
        yield
    finally:
        serving.terminate()
        serving.wait()
