"""Score: from stored predictions and the dataset's references to scores with intervals."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc

from tasks.candidates import Candidate
from tasks.columns import ColumnMapping, feature_kind
from tasks.errors import BadEvaluation, listing, unknown
from tasks.load import RowsReference, open_rows
from tasks.metrics import metric, metrics
from tasks.metrics.contract import Measurement, Metric, Score
from tasks.metrics.intervals import scores as scores_of
from tasks.predict import PredictionsReference
from tasks.spec import Evaluation, Settings
from tasks.types import task_type
from tasks.types.contract import Judged, TaskType

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class Request:
    """One metric with its arguments, checked against the task type."""

    metric: Metric
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Judgement:
    """How one candidate did.

    Attributes:
        scores: By score key, in the order of the metrics asked for; the first is the headline.
        details: Tables of per-class or per-type detail, by name.
        tags: What a score means exactly, as a tokenizer's signature.
        rows: How many rows the scores stand on (those that did not fail).
    """

    scores: Mapping[str, Score]
    details: Mapping[str, list[dict[str, object]]]
    tags: Mapping[str, str]
    rows: int


def requests(evaluation: Evaluation) -> list[Request]:
    """Return the metrics of an evaluation, or its task type's defaults, checked by name and argument.

    Raises:
        UnknownName: There is no such metric, argument, or value of an argument.
        BadEvaluation: The metric judges something else than the task type predicts.
    """
    kind = task_type(evaluation.task)
    asked = [(each.name, each.arguments) for each in evaluation.metrics] or kind.metrics
    return [_request(kind, name, arguments) for name, arguments in asked]


def _request(kind: TaskType, name: str, arguments: Mapping[str, Any]) -> Request:
    found = metric(name)
    if found.takes not in kind.judged_by:
        fitting = sorted(each.name for each in metrics().values() if each.takes in kind.judged_by)
        raise BadEvaluation(
            f"The metric '{name}' judges {found.takes}, and {kind.name} gives {listing(kind.judged_by)}; "
            f"metrics that fit: {listing(fitting, 40)}."
        )
    hints = typing.get_type_hints(found.measure)
    for argument, value in arguments.items():
        if argument not in found.arguments:
            raise unknown(f"argument of the metric '{name}'", argument, found.arguments)
        choices = typing.get_args(hints[argument]) if typing.get_origin(hints[argument]) is Literal else ()
        if choices and value not in choices:
            raise unknown(f"{argument} of the metric '{name}'", str(value), choices)
    missing = [
        argument
        for argument, default in found.arguments.items()
        if default is inspect.Parameter.empty and argument not in arguments
    ]
    if missing:
        raise BadEvaluation(f"The metric '{name}' needs the argument '{missing[0]}'.")
    return Request(found, dict(arguments))


def references(
    rows: datasets.Dataset, mapping: ColumnMapping, names: Sequence[str], keep: Sequence[int] | None = None
) -> dict[str, list[Any]]:
    """Return reference columns by canonical name, labels and tags as names.

    Args:
        rows: The dataset's rows.
        mapping: Canonical column -> dataset column.
        names: The canonical columns wanted.
        keep: Row numbers, in order; None for all.
    """
    import datasets

    found: dict[str, list[Any]] = {}
    for name in names:
        column = mapping.columns[name]
        feature = rows.features[column]
        chosen = rows.select_columns([column])
        values = list((chosen.select(keep) if keep is not None else chosen)[column])
        kind = feature_kind(feature)
        if isinstance(feature, datasets.ClassLabel):
            values = [feature.names[value] for value in values]
        elif kind == "labels":
            inner = feature.feature.names
            values = [[inner[value] for value in row] for row in values]
        elif kind in {"integer", "integers"}:
            values = [str(row) if kind == "integer" else [str(each) for each in row] for row in values]
        found[name] = values
    return found


def measure(requested: Request, judged: Mapping[str, Judged]) -> Measurement:
    """Measure predictions by one metric."""
    evidence = judged[requested.metric.takes]
    return requested.metric.measure(
        evidence.predictions, evidence.references, **evidence.arguments, **requested.arguments
    )


def judged_rows(
    candidate: Candidate, predictions: PredictionsReference, rows: RowsReference, mapping: ColumnMapping
) -> tuple[dict[str, Judged], list[int]]:
    """Return what the metrics take, and the numbers of the rows behind it: those that did not fail."""
    kind = task_type(predictions.task)
    table = predictions.table()
    kept = table.filter(pc.is_null(table["error"]))
    numbers = kept["row"].to_pylist()
    columns = {name: kept[name].to_pylist() for name in kind.prediction.names}
    right = references(open_rows(rows), mapping, kind.references, numbers)
    return kind.evidence(columns, right, candidate.alignment), numbers


def score(
    candidate: Candidate,
    predictions: PredictionsReference,
    rows: RowsReference,
    mapping: ColumnMapping,
    requested: Sequence[Request],
    settings: Settings,
) -> Judgement:
    """Score one candidate's stored predictions by every metric asked for; no model runs."""
    judged, numbers = judged_rows(candidate, predictions, rows, mapping)
    scores: dict[str, Score] = {}
    details: dict[str, list[dict[str, object]]] = {}
    tags: dict[str, str] = {}
    for each in requested:
        measurement = measure(each, judged)
        scores |= scores_of(
            measurement, level=settings.level, resamples=settings.resamples, seed=settings.seed
        )
        details |= measurement.details
        tags |= measurement.tags
    return Judgement(scores, details, tags, len(numbers))
