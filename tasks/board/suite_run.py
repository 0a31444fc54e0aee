"""The MLflow run of a suite: what the runs of its evaluations lie below, with the scoreboard in it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.board import scoreboard
from tasks.board.scoreboard import Scoreboard
from tasks.suites import Suite
from tasks.track import run_url
from tasks.tracking import patience
from tasks.tracking.delivery import digest, find
from tasks.tracking.mlflow_store import KEY, SUITE_STARTED_BY, TAG, client, experiment, this_process

T = TypeVar("T")


@dataclass(frozen=True)
class SuiteRun:
    """A small handle to the run of a suite.

    Attributes:
        run_id: Its id; empty where MLflow did not answer.
        url: Its address in MLflow's pages, likewise.
        tags: What the runs of its evaluations are marked with.
    """

    run_id: str
    url: str
    tags: Mapping[str, str]


def begin(suite: Suite, origin: Mapping[str, str]) -> SuiteRun:
    """Open the run of a suite, in the experiment that its settings name, or of its own name.

    Where MLflow does not answer in time there is none, and the suite goes on: its evaluations keep their
    own runs on this disk.

    Args:
        suite: What is run.
        origin: Tags that say what started it, as the Prefect run's id and address.
    """
    started_by = origin.get(f"{TAG}.prefect_run") or uuid.uuid4().hex
    shared = {f"{TAG}.suite": suite.name, SUITE_STARTED_BY: started_by}
    key = digest(suite.model_dump(mode="json"), started_by)
    made = _patiently(lambda: _made(suite, {**origin, **shared, KEY: key}))
    if made is None:
        return SuiteRun("", "", shared)
    experiment_id, run_id = made
    below = {"mlflow.parentRunId": run_id, **shared, f"{TAG}.suite_run": run_id}
    return SuiteRun(run_id, run_url(experiment_id, run_id), below)


def _made(suite: Suite, tags: Mapping[str, str]) -> tuple[str, str]:
    """Find or make the run of a suite; return the ids of its experiment and its own.

    A suite whose process died goes on in the run that it had.
    """
    store = client()
    chosen = suite.settings.experiment if suite.settings else None
    experiment_id = experiment(store, chosen or suite.name)
    if (known := find(store, experiment_id, tags[KEY])) is not None:
        run_id = str(known.info.run_id)
        store.set_tag(run_id, f"{TAG}.process", this_process())
        store.update_run(run_id, status="RUNNING")
        return experiment_id, run_id
    every = {
        **tags,
        f"{TAG}.kind": "suite",
        f"{TAG}.process": this_process(),
        "mlflow.source.name": "assay",
        "mlflow.source.type": "JOB",
    }
    run_id = str(store.create_run(experiment_id, tags=every, run_name=f"suite · {suite.name}").info.run_id)
    store.log_dict(run_id, suite.model_dump(mode="json", exclude_unset=True), "suite.json")
    return experiment_id, run_id


def _patiently(work: Callable[[], T]) -> T | None:
    """Do something that needs MLflow, waiting for it as long as evaluations do; None where it was in vain."""
    try:
        return patience.until_answered(work, "MLflow", patience.seconds())
    except patience.Unreachable:
        patience.log.warning("MLflow does not answer: the suite's own run there is left out.")
        return None


def describe(run: SuiteRun, board: Scoreboard) -> None:
    """Write the scoreboard into the suite's run: its description, a table, and the mean ranks as metrics."""
    if run.run_id:
        _patiently(lambda: _described(run, board))


def _described(run: SuiteRun, board: Scoreboard) -> None:
    from mlflow.entities import Metric

    store = client()
    store.set_tag(run.run_id, "mlflow.note.content", scoreboard.markdown(board))
    if board.models:
        # Not `log_table`: it adds to a table that is there, and this may be tried again.
        store.log_dict(run.run_id, _split(scoreboard.records(board)), "scores.json")
        tag = [{"path": "scores.json", "type": "table"}]
        store.set_tag(run.run_id, "mlflow.loggedArtifacts", json.dumps(tag))
    store.log_text(run.run_id, scoreboard.markdown(board), "scoreboard.md")
    values = {f"mean_rank/{model}": rank for model, rank in scoreboard.mean_ranks(board).items()}
    values |= {f"mean_score/{model}": score for model, score in scoreboard.mean_scores(board).items()}
    values |= {"evaluations": float(len(board.columns)), "failures": float(len(board.failures))}
    values["model_loads"] = float(board.loads)
    metrics = [Metric(named(key), value, 0, 0) for key, value in values.items() if value == value]
    store.log_batch(run.run_id, metrics=metrics)


def _split(table: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Lay a table out as MLflow's pages read one: its columns' names, and its rows.

    >>> _split({"model": ["a", "b"], "value": [1.0, float("nan")]})
    {'columns': ['model', 'value'], 'data': [['a', 1.0], ['b', None]]}
    """
    rows = zip(*table.values(), strict=True)
    return {
        "columns": list(table),
        "data": [[None if each != each else each for each in row] for row in rows],
    }


def named(key: str) -> str:
    """Return a name that MLflow takes for a metric.

    >>> named("mean_rank/bert (float16)")
    'mean_rank/bert -float16-'
    """
    return "".join(letter if letter.isalnum() or letter in "_-. :/" else "-" for letter in key)


def end(run: SuiteRun, status: str) -> None:
    """Close the suite's run as FINISHED, FAILED or KILLED."""
    if run.run_id:
        _patiently(lambda: client().set_terminated(run.run_id, status=status))
