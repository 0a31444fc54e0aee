"""The MLflow run of a suite: what the runs of its evaluations lie below, with the scoreboard in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks import scoreboard
from tasks.scoreboard import Scoreboard
from tasks.suites import Suite
from tasks.track import run_url
from tasks.tracking import TAG, bury, client, experiment, this_process


@dataclass(frozen=True)
class SuiteRun:
    """A small handle to the run of a suite.

    Attributes:
        run_id: Its id.
        url: Its address in MLflow's pages.
        tags: What the runs of its evaluations are marked with.
    """

    run_id: str
    url: str
    tags: Mapping[str, str]


def begin(suite: Suite, origin: Mapping[str, str]) -> SuiteRun:
    """Open the run of a suite, in the experiment that its settings name, or of its own name.

    Args:
        suite: What is run.
        origin: Tags that say what started it, as the Prefect run's id and address.
    """
    store = client()
    chosen = suite.settings.experiment if suite.settings else None
    experiment_id = experiment(store, chosen or suite.name)
    bury(store, experiment_id)
    tags = {
        **origin,
        f"{TAG}.kind": "suite",
        f"{TAG}.suite": suite.name,
        f"{TAG}.process": this_process(),
        "mlflow.source.name": "assay",
        "mlflow.source.type": "JOB",
    }
    run_id = str(store.create_run(experiment_id, tags=tags, run_name=f"suite · {suite.name}").info.run_id)
    store.log_dict(run_id, suite.model_dump(mode="json", exclude_unset=True), "suite.json")
    below = {"mlflow.parentRunId": run_id, f"{TAG}.suite": suite.name, f"{TAG}.suite_run": run_id}
    return SuiteRun(run_id, run_url(experiment_id, run_id), below)


def describe(run: SuiteRun, board: Scoreboard) -> None:
    """Write the scoreboard into the suite's run: its description, a table, and the mean ranks as metrics."""
    from mlflow.entities import Metric

    store = client()
    store.set_tag(run.run_id, "mlflow.note.content", scoreboard.markdown(board))
    if board.models:
        store.log_table(run.run_id, scoreboard.records(board), "scores.json")
    store.log_text(run.run_id, scoreboard.markdown(board), "scoreboard.md")
    values = {f"mean_rank/{model}": rank for model, rank in scoreboard.mean_ranks(board).items()}
    values |= {f"mean_score/{model}": score for model, score in scoreboard.mean_scores(board).items()}
    values |= {"evaluations": float(len(board.columns)), "failures": float(len(board.failures))}
    values["model_loads"] = float(board.loads)
    store.log_batch(
        run.run_id,
        metrics=[Metric(named(key), value, 0, 0) for key, value in values.items() if value == value],
    )


def named(key: str) -> str:
    """Return a name that MLflow takes for a metric.

    >>> named("mean_rank/bert (float16)")
    'mean_rank/bert -float16-'
    """
    return "".join(letter if letter.isalnum() or letter in "_-. :/" else "-" for letter in key)


def end(run: SuiteRun, status: str) -> None:
    """Close the suite's run as FINISHED, FAILED or KILLED."""
    client().set_terminated(run.run_id, status=status)
