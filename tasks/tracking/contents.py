"""Contents: what a run says of its evaluation, model, rows and scores, as tags, params and metrics."""

from __future__ import annotations

import json
from typing import Any

from tasks import versions
from tasks.candidates import Candidate
from tasks.compare import headline
from tasks.load import RowsReference
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.report import escaped
from tasks.score import Judgement
from tasks.tracking.delivery import digest
from tasks.tracking.mlflow_store import TAG, this_process
from tasks.tracking.records import DatasetRecord, ModelRecord

LONGEST_PARAM = 6000
"""MLflow cuts longer parameter values without a word."""


def _direction(judgement: Judgement) -> str:
    return "up" if judgement.scores[headline(judgement)].higher_is_better else "down"


def _methods(judgement: Judgement) -> str:
    """Return how each score's interval was found, as JSON."""
    methods = {key: score.method for key, score in judgement.scores.items() if score.method is not None}
    return json.dumps(methods)[:5000]


def of_plan(plan: Plan) -> dict[str, str]:
    """Return the tags of every run of an evaluation."""
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


def params(plan: Plan, candidate: Candidate) -> dict[str, str]:
    """Return every pin and setting; nothing that could change on a retry."""
    evaluation, rows = plan.evaluation, plan.rows
    settings = evaluation.settings.model_dump(mode="json", exclude={"experiment", "dtype", "device"})
    judged_by = [{"name": each.metric.name, **each.arguments} for each in plan.requested]
    found = {
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
    return {name: value[:LONGEST_PARAM] for name, value in found.items()}


def metrics(judgement: Judgement, predictions: PredictionsReference) -> dict[str, float]:
    """Return the scores, their intervals, and what predicting took; what is undefined is left out."""
    tally = predictions.tally
    values: dict[str, float | None] = {key: score.value for key, score in judgement.scores.items()}
    for key, score in judgement.scores.items():
        values[f"interval/{key}_low"], values[f"interval/{key}_high"] = score.low, score.high
    values |= {
        "rows/judged": float(judgement.rows),
        "rows/failed": float(tally.failed),
        "rows/reused": float(tally.reused),
        **{name if "/" in name else f"speed/{name}": value for name, value in tally.efficiency.items()},
        "speed/rows_per_second": tally.rows_per_second,
    }
    return {key: float(value) for key, value in values.items() if value is not None and value == value}


def of_run(plan: Plan, candidate: Candidate, judgement: Judgement) -> dict[str, str]:
    """Return the tags of one model's run."""
    return {
        **of_plan(plan),
        f"{TAG}.kind": "run",
        f"{TAG}.model": candidate.title,
        f"{TAG}.model_commit": candidate.checkpoint.commit,
        f"{TAG}.model_place": candidate.checkpoint.place,
        f"{TAG}.predictions": candidate.key,
        f"{TAG}.headline": headline(judgement),
        f"{TAG}.headline_direction": _direction(judgement),
        f"{TAG}.lower_is_better": json.dumps(
            [key for key, score in judgement.scores.items() if not score.higher_is_better]
        ),
        f"{TAG}.scores": json.dumps(list(judgement.scores)),
        f"{TAG}.intervals": _methods(judgement),
        **{f"{TAG}.{name}": value for name, value in judgement.tags.items()},
    }


def dataset(rows: RowsReference, count: int) -> DatasetRecord:
    """Describe the rows as MLflow's kind of dataset, with the address they can be had from again."""
    source: dict[str, Any] = {
        "path": rows.source.place,
        "config_name": rows.config,
        "split": rows.split,
        "revision": rows.revision,
    }
    return DatasetRecord(
        name=f"{rows.name} {rows.split}{f' ({rows.limit} rows)' if rows.limit else ''}"[:500],
        digest=rows.fingerprint[:8],
        source_type="hugging_face" if rows.source.kind == "hub" else "local",
        source=json.dumps(source if rows.source.kind == "hub" else {"uri": rows.source.place}),
        profile=json.dumps({"num_rows": count, "revision": rows.revision, "limit": rows.limit}),
        split=rows.split,
    )


def model(candidate: Candidate, task: str) -> ModelRecord:
    """Describe a model as MLflow's kind of model that it does not store."""
    commit, dtype, place = candidate.checkpoint.commit, candidate.options.dtype, candidate.checkpoint.place
    which = f"commit {commit}" if commit else escaped(place)
    return ModelRecord(
        name=candidate.title,
        # What has no commit, a model behind an endpoint, is known by its address.
        known_by=digest(commit or place, dtype),
        tags={
            f"{TAG}.model": candidate.title,
            f"{TAG}.model_commit": commit,
            f"{TAG}.dtype": dtype,
            f"{TAG}.place": place,
            "mlflow.note.content": (
                f"{escaped(candidate.title)}, {dtype}, {which}. Below are its scores on every dataset it was "
                "evaluated on, each linked to its run."
            ),
        },
        params={"model": candidate.title, "commit": commit, "dtype": dtype},
        kind=task,
    )
