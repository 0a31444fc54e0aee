"""What a run keeps to look at: sample table, full predictions, confusion matrix, tables of detail."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks import pictures, prediction_content
from tasks.candidates import Candidate
from tasks.columns import feature_kind
from tasks.load import open_rows
from tasks.metrics import confusion
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.references import references
from tasks.sampling import PICTURED, SAMPLED, sampled
from tasks.score import Judgement, judged_rows
from tasks.types.nesting import leaves, read

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_TEXT = 1000
MEDIA = {"image", "audio"}


def log(
    store: MlflowClient,
    run_id: str,
    plan: Plan,
    candidate: Candidate,
    predictions: PredictionsReference,
    judgement: Judgement,
) -> None:
    """Write all artifacts of one run, under names that are the same in every run."""
    kind = plan.kind
    table = predictions.table()
    store.log_table(run_id, sample_table(plan, candidate, table), "samples.json")
    for name, detail in judgement.details.items():
        if detail:
            store.log_table(run_id, _columns(detail), f"{name}.json")
    with tempfile.TemporaryDirectory() as folder:
        whole = exported(plan, candidate, table)
        pq.write_table(whole, Path(folder) / "predictions.parquet", compression="zstd")
        judged, _ = judged_rows(plan, candidate, predictions) if "labels" in kind.judged_by else ({}, [])
        if "labels" in judged:
            labels, matrix = confusion(judged["labels"].predictions, judged["labels"].references)
            order = in_dataset_order(labels, candidate.alignment.dataset_labels)
            names = [labels[each] for each in order]
            drawn = pictures.confusion_matrix(names, matrix[np.ix_(order, order)], candidate.title)
            drawn.savefig(Path(folder) / "confusion_matrix.png")
        if "image" in kind.prediction.names:
            made = [each for each in table["image"][:PICTURED].to_pylist() if each is not None]
            pictures.grid(made).save(Path(folder) / "pictures.png")
        store.log_artifacts(run_id, folder)


def in_dataset_order(labels: Sequence[str], dataset_labels: Sequence[str]) -> list[int]:
    """Return the positions of labels in the dataset's order; labels it lacks come last.

    >>> in_dataset_order(["one", "other", "zero"], ["zero", "one"])
    [2, 0, 1]
    """
    place = {name: number for number, name in enumerate(dataset_labels)}
    return sorted(range(len(labels)), key=lambda each: place.get(labels[each], len(place)))


def sample_table(plan: Plan, candidate: Candidate, table: pa.Table) -> dict[str, list[Any]]:
    """Return some rows with what was right and what was predicted: the same rows for every model.

    The rows are a seeded sample, so that MLflow lays them side by side across runs.
    """
    kind, mapping = plan.kind, plan.mapping
    opened = open_rows(plan.rows)
    pictured = any("image" in column.accepts for column in kind.columns)
    chosen = sampled(len(opened), PICTURED if pictured else SAMPLED)
    given = {
        name: read(opened, mapping.columns[name], chosen) for name in kind.inputs if name in mapping.columns
    }
    shown: list[dict[str, Any]] = []
    right = references(opened, mapping, kind.references, chosen)
    for position, number in enumerate(chosen):
        prediction = table.slice(number, 1).to_pylist()[0]
        row = {name: given[name][position] for name in given}
        row |= {name: right[name][position] for name in right}
        if prediction["error"] is not None:
            continue
        seen = kind.sample(prediction, row, candidate.alignment)
        shown.append({"row": number, **{name: _fit(value) for name, value in seen.items()}})
    return _columns(shown)


def _fit(value: Any) -> Any:
    """Make a sampled value fit a table: media become pictures, long text is cut."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    if isinstance(value, Mapping) and "bytes" in value:
        return pictures.thumbnail(value)
    return value


def _columns(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in (records[0] if records else {})}


def exported(plan: Plan, candidate: Candidate, table: pa.Table) -> pa.Table:
    """Return all predictions as they are logged: a file that can stand for the model in an evaluation."""
    # Its probabilities come in this order.
    stated = json.dumps(list(candidate.alignment.model_labels))
    return with_references(plan, table).replace_schema_metadata({prediction_content.LABELS: stated})


def with_references(plan: Plan, table: pa.Table) -> pa.Table:
    """Return all predictions with the right answers beside them, one row a dataset row.

    Pictures and recordings are left to the dataset.
    """
    opened, mapping = open_rows(plan.rows), plan.mapping
    features = leaves(opened.features)
    small = [
        name
        for name in plan.kind.references
        if name in mapping.columns and feature_kind(features[mapping.columns[name]]) not in MEDIA
    ]
    right = references(opened, mapping, small)
    for name, values in right.items():
        table = table.append_column(f"reference_{name}", pa.array(values))
    return table
