"""Track: one MLflow run a model and dataset, below a parent run an evaluation.

Everything goes through `MlflowClient` with an explicit run id: the fluent API's active run belongs to one
thread, and logging through it from a task's thread would open a new run without a word.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks import artifacts, versions
from tasks.candidates import Candidate
from tasks.compare import headline
from tasks.load import RowsReference
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.report import RunReport, markdown
from tasks.score import Judgement
from tasks.tracking import TAG, bury, client, experiment, this_process

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset

LONGEST_PARAM = 6000
"""MLflow cuts longer parameter values without a word."""
_NOT_IN_MODEL_NAMES = str.maketrans(dict.fromkeys("/:.%\"'", "-"))


@dataclass(frozen=True)
class ParentRun:
    """A small handle to the run of a whole evaluation."""

    run_id: str
    experiment_id: str
    url: str


def begin(plan: Plan, candidates: Sequence[Candidate], origin: Mapping[str, str]) -> ParentRun:
    """Open the parent run of an evaluation, after ending those that killed processes left running.

    Args:
        plan: What is evaluated, on which rows.
        candidates: Which models.
        origin: Tags that say what started it, as the Prefect run's id and address.
    """
    evaluation, rows = plan.evaluation, plan.rows
    store = client()
    experiment_id = experiment(store, evaluation.settings.experiment or rows.name)
    bury(store, experiment_id)
    tags = {
        **_tags(plan),
        **origin,
        f"{TAG}.kind": "evaluation",
        f"{TAG}.models": ", ".join(candidate.title for candidate in candidates)[:5000],
    }
    run = store.create_run(
        experiment_id, tags=tags, run_name=f"{evaluation.task} · {rows.name} · {rows.split}"
    )
    store.log_dict(run.info.run_id, evaluation.model_dump(mode="json"), "evaluation.json")
    return ParentRun(run.info.run_id, experiment_id, run_url(experiment_id, run.info.run_id))


def record(
    parent: ParentRun,
    plan: Plan,
    candidate: Candidate,
    predictions: PredictionsReference,
    judgement: Judgement,
    origin: Mapping[str, str],
) -> str:
    """Write everything about one candidate into a run of its own and return the run's id.

    The run is finished only when all of it is there; an exception leaves it marked failed.
    """
    from mlflow.entities import LoggedModelOutput, Param

    store = client()
    run = store.create_run(
        parent.experiment_id,
        tags={
            **_tags(plan),
            **origin,
            "mlflow.parentRunId": parent.run_id,
            f"{TAG}.kind": "run",
            f"{TAG}.model": candidate.title,
            f"{TAG}.model_commit": candidate.checkpoint.commit,
            f"{TAG}.model_place": candidate.checkpoint.place,
            f"{TAG}.predictions": candidate.key,
            f"{TAG}.headline": headline(judgement),
            f"{TAG}.headline_direction": _direction(judgement),
            f"{TAG}.intervals": _methods(judgement),
            **{f"{TAG}.{name}": value for name, value in judgement.tags.items()},
        },
        run_name=candidate.title,
    )
    run_id = str(run.info.run_id)
    try:
        dataset = _dataset(plan.rows, predictions.rows)
        model_id = _logged_model(store, parent.experiment_id, run_id, candidate, plan.kind.name)
        params = _params(plan, candidate)
        store.log_batch(
            run_id,
            metrics=_metrics(judgement, predictions, dataset, model_id),
            params=[Param(name, value[:LONGEST_PARAM]) for name, value in params.items()],
        )
        _log_dataset(store, run_id, dataset, plan.rows.split)
        store.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
        artifacts.log(store, run_id, plan, candidate, predictions, judgement)
    except BaseException:
        store.set_terminated(run_id, status="FAILED")
        raise
    store.set_terminated(run_id, status="FINISHED")
    return run_id


def describe(parent: ParentRun, reports: Sequence[RunReport]) -> None:
    """Write the score table into the description of the parent and of each model's run."""
    store = client()
    note = markdown(reports)
    store.set_tag(parent.run_id, "mlflow.note.content", note)
    for report in reports:
        store.set_tag(report.mlflow_run_id, "mlflow.note.content", markdown([report]))
        store.set_tag(report.mlflow_run_id, f"{TAG}.best", str(report.best).lower())


def end(parent: ParentRun, status: str) -> None:
    """Close the parent run as FINISHED, FAILED or KILLED."""
    client().set_terminated(parent.run_id, status=status)


def run_url(experiment_id: str, run_id: str) -> str:
    """Return a run's address in MLflow's pages, where the store is a server; else a relative one."""
    from tasks import home

    uri = home.tracking_uri()
    base = uri.rstrip("/") if uri.startswith("http") else ""
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"


def _direction(judgement: Judgement) -> str:
    return "up" if judgement.scores[headline(judgement)].higher_is_better else "down"


def _methods(judgement: Judgement) -> str:
    """Return how each score's interval was found, as JSON."""
    methods = {key: score.method for key, score in judgement.scores.items() if score.method is not None}
    return json.dumps(methods)[:5000]


def _tags(plan: Plan) -> dict[str, str]:
    evaluation, rows = plan.evaluation, plan.rows
    return {
        f"{TAG}.task": evaluation.task,
        f"{TAG}.dataset": rows.name,
        f"{TAG}.split": rows.split,
        f"{TAG}.dataset_revision": rows.revision,
        f"{TAG}.dataset_place": rows.source.place,
        f"{TAG}.rows": rows.fingerprint,
        f"{TAG}.process": this_process(),
        "mlflow.source.name": "assay",
        "mlflow.source.type": "JOB",
    }


def _params(plan: Plan, candidate: Candidate) -> dict[str, str]:
    """Return every pin and setting; nothing that could change on a retry."""
    evaluation, rows = plan.evaluation, plan.rows
    settings = evaluation.settings.model_dump(mode="json", exclude={"experiment", "dtype", "device"})
    judged_by = [{"name": each.metric.name, **each.arguments} for each in plan.requested]
    return {
        "task": evaluation.task,
        "model": candidate.title,
        "model_commit": candidate.checkpoint.commit,
        "dataset": rows.name,
        "dataset_config": rows.config or "",
        "dataset_split": rows.split,
        "dataset_revision": rows.revision,
        "dataset_limit": str(rows.limit or ""),
        "dataset_filters": json.dumps({column: json.loads(held) for column, held in rows.filters}),
        "dataset_streamed": str(rows.streamed).lower(),
        "columns": json.dumps(dict(plan.mapping.columns)),
        "labels": json.dumps(dict(candidate.alignment.to_dataset)),
        "metrics": json.dumps(judged_by),
        "dtype": candidate.options.dtype,
        "device": candidate.options.device,
        **{name: json.dumps(value) for name, value in settings.items()},
        "engine": candidate.options.engine,
        **{f"version_{name}": version for name, version in versions.pins().items()},
        **versions.of_engine(candidate.options.engine),
    }


def _metrics(
    judgement: Judgement, predictions: PredictionsReference, dataset: Dataset, model_id: str
) -> list[Any]:
    from mlflow.entities import Metric

    tally = predictions.tally
    values: dict[str, float | None] = {}
    for key, score in judgement.scores.items():
        values[key] = score.value
        values[f"interval/{key}_low"], values[f"interval/{key}_high"] = score.low, score.high
    values |= {
        "rows/judged": float(judgement.rows),
        "rows/failed": float(tally.failed),
        "rows/reused": float(tally.reused),
        **{name if "/" in name else f"speed/{name}": value for name, value in tally.efficiency.items()},
        "speed/rows_per_second": tally.rows_per_second,
    }
    now = int(time.time() * 1000)
    return [
        Metric(key, value, now, 0, model_id, dataset.name, dataset.digest)
        for key, value in values.items()
        if value is not None and value == value
    ]


def _dataset(rows: RowsReference, count: int) -> Dataset:
    """Describe the rows as MLflow's kind of dataset, with the address they can be had from again."""
    from mlflow.entities import Dataset

    source = {
        "path": rows.source.place,
        "config_name": rows.config,
        "split": rows.split,
        "revision": rows.revision,
    }
    return Dataset(
        name=f"{rows.name} {rows.split}"[:500],
        digest=rows.fingerprint[:36],
        source_type="hugging_face" if rows.source.kind == "hub" else "local",
        source=json.dumps(source if rows.source.kind == "hub" else {"uri": rows.source.place}),
        profile=json.dumps({"num_rows": count, "revision": rows.revision, "limit": rows.limit}),
    )


def _log_dataset(store: MlflowClient, run_id: str, dataset: Dataset, split: str) -> None:
    from mlflow.entities import DatasetInput, InputTag

    tags = [InputTag("mlflow.data.context", "evaluation"), InputTag("split", split)]
    store.log_inputs(run_id, [DatasetInput(dataset, tags)])


def _logged_model(
    store: MlflowClient, experiment_id: str, run_id: str, candidate: Candidate, task: str
) -> str:
    """Return the external logged model of a checkpoint, made when the experiment has none yet."""
    import mlflow

    commit, dtype = candidate.checkpoint.commit, candidate.options.dtype
    # What has no commit, a model behind an endpoint, is known by its address.
    known_by = ("model_commit", commit) if commit else ("place", candidate.checkpoint.place)
    there = store.search_logged_models(
        [experiment_id], filter_string=f"tags.`{TAG}.{known_by[0]}` = '{known_by[1]}'", max_results=20
    )
    for model in there:
        if model.tags.get(f"{TAG}.dtype") == dtype:
            return str(model.model_id)
    made = mlflow.create_external_model(
        name=candidate.title.translate(_NOT_IN_MODEL_NAMES),
        source_run_id=run_id,
        tags={
            f"{TAG}.model": candidate.title,
            f"{TAG}.model_commit": commit,
            f"{TAG}.dtype": dtype,
            f"{TAG}.place": candidate.checkpoint.place,
        },
        params={"model": candidate.title, "commit": commit, "dtype": dtype},
        model_type=task,
        experiment_id=experiment_id,
    )
    return str(made.model_id)
