"""Tracking: an evaluation of 10,000 rows into MLflow, and 2,000 runs out of it again."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measurement import Result, clocked, result, side_by_side
from tasks import candidates, columns, home, load, predict, score, track
from tasks.board import board_page, leaderboard
from tasks.plan import Plan, requests
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings
from tasks.tracking import ledger, outbox
from tasks.tracking import records as kept
from tasks.types import task_type

ROWS = 10_000
RUNS = 2_000
MODELS, DATASETS = 100, 20


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """Work on a data folder of the benchmark's own."""
    demo = home.home() / "demo"
    before = {name: os.environ.get(name) for name in ("ASSAY_HOME", "MLFLOW_TRACKING_URI")}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASSAY_HOME"] = folder
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        try:
            yield demo
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _judged(demo: Path, rows: int) -> tuple[Plan, Any, Any, Any]:
    """Judge a digits classifier on so many rows, the test split said over as often as that takes."""
    import datasets

    path = home.home() / "digits.parquet"
    test = datasets.load_from_disk(str(demo / "data" / "digits"))["test"]
    test.select([number % len(test) for number in range(rows)]).to_parquet(path)
    evaluation = Evaluation(
        task="image-classification",
        dataset=Dataset(path=str(path)),
        models=[Model(name=str(demo / "models" / "digits-resnet"))],
        columns={},
        metrics=[Metric(name="accuracy"), Metric(name="f1"), Metric(name="matthews_correlation")],
        settings=Settings(),
    )
    requested = requests(evaluation)
    found = load.load(evaluation.dataset, 0)
    kind = task_type(evaluation.task)
    mapping = columns.map_columns(kind, load.head_rows(found).features, {}, found.name)
    plan = Plan(evaluation, load.narrowed(found, mapping.columns), mapping, requested)
    (candidate,) = candidates.decide(plan)
    predictions = predict.predict(plan, candidate)
    return plan, candidate, predictions, score.score(plan, candidate, predictions)


def tracking_write() -> Result:
    """Log one evaluation, against the fluent API's one call a metric, param, tag and file."""
    import mlflow

    with _elsewhere() as demo:
        plan, candidate, predictions, judgement = _judged(demo, ROWS)
        track.client().search_experiments()

        def ours() -> track.ParentRun:
            parent = track.begin(plan, [candidate], {})
            track.record(parent, plan, candidate, predictions, judgement, {})
            return parent

        parent = ours()
        (place,) = outbox.runs_of(parent.attempt)
        record = kept.take(place)
        assert record is not None
        files = Path(track.client().download_artifacts(kept.read(place, kept.SENT)["run_id"], ""))  # type: ignore[index]
        track.end(parent, "FINISHED")
        parents: list[track.ParentRun] = []

        def again() -> None:
            parents.append(ours())

        beside = mlflow.create_experiment("fluent", (home.home() / "fluent").as_uri())

        def theirs() -> None:
            with mlflow.start_run(run_name=record.name, experiment_id=beside):
                for name, value in record.params.items():
                    mlflow.log_param(name, value)
                for name, value in record.tags.items():
                    mlflow.set_tag(name, value)
                for name, number in record.metrics.items():
                    mlflow.log_metric(name, number)
                for file in sorted(files.rglob("*")):
                    if file.is_file():
                        below = file.relative_to(files).parent.as_posix()
                        mlflow.log_artifact(str(file), None if below == "." else below)

        detail = f"{ROWS} rows, every artifact made and logged; theirs logs the same files, already made"
        found = side_by_side("tracking_write", again, theirs, detail)
        for each in parents:
            track.end(each, "FINISHED")
        return found


def tracking_leaderboard() -> Result:
    """Read 2,000 runs and write the leaderboard's page, against a search of all runs into pandas."""
    import mlflow

    with _elsewhere() as demo:
        plan, candidate, predictions, judgement = _judged(demo, 200)
        parent = track.begin(plan, [candidate], {})
        track.record(parent, plan, candidate, predictions, judgement, {})
        track.end(parent, "FINISHED")
        _multiply(home.home() / "mlflow.db", RUNS - 1)

        def ours() -> str:
            places = leaderboard.places(ledger.entries())
            assert len({place.run_id for place in places}) == RUNS
            return board_page.page(places, "http://127.0.0.1:5000")

        def theirs() -> Any:
            return mlflow.search_runs(
                search_all_experiments=True, filter_string="tags.`assay.kind` = 'run'", max_results=50_000
            )

        pairs = [(clocked(ours), clocked(theirs)) for _ in range(3)]
        assert len(pairs[0][1][1]) == RUNS
        mine, other = min(pair[0][0] for pair in pairs), min(pair[1][0] for pair in pairs)
        size = len(pairs[0][0][1].encode()) / 1e6
        detail = f"{RUNS} runs to ranks and a page of {size:.2f} MB; theirs ends at a data frame"
        return result("tracking_leaderboard", mine, other, detail)


def _multiply(database: Path, times: int) -> None:
    """Copy the only run of a model so often, as other models on other datasets."""
    with closing(sqlite3.connect(database)) as store:
        store.row_factory = sqlite3.Row
        (run,) = store.execute(
            "select * from runs where run_uuid in (select run_uuid from tags where "
            "key = 'assay.kind' and value = 'run')"
        ).fetchall()
        for number in range(1, times + 1):
            identity = uuid.uuid4().hex
            _insert(store, "runs", {**run, "run_uuid": identity})
            changed = {
                "assay.model": f"organisation/model-{number % MODELS}",
                "assay.dataset": f"dataset-{number // MODELS % DATASETS}",
                "assay.key": identity,
            }
            for table in ("params", "tags", "metrics", "latest_metrics"):
                for row in store.execute(f"select * from {table} where run_uuid = ?", (run["run_uuid"],)):
                    copy = {**row, "run_uuid": identity}
                    if table == "tags":
                        copy["value"] = changed.get(row["key"], row["value"])
                    _insert(store, table, copy)
        store.commit()


def _insert(store: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    store.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


BENCHMARKS = {"tracking_write": tracking_write, "tracking_leaderboard": tracking_leaderboard}
