"""Score: from stored predictions and the dataset's references to scores with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.candidates import Candidate
from tasks.columns import ColumnMapping, feature_kind
from tasks.load import open_rows
from tasks.metrics.contract import Measurement, Score
from tasks.metrics.intervals import scores as scores_of
from tasks.metrics.shapes import OF_ROWS, joined_rows
from tasks.plan import Plan, Request
from tasks.predict import PredictionsReference
from tasks.types.contract import Judged

if TYPE_CHECKING:
    import datasets


MOST_SHARED = 10_000
"""Distinct strings of a column beyond which nothing is gained by keeping equal ones as one object."""


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


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as a list, equal strings as one object: the labels of a million rows are a few strings.

    >>> a, b = plain(pa.chunked_array([["spam"], ["spam"]]))
    >>> a is b
    True
    """
    values: list[Any] = []
    shared: dict[str, str] = {}
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    for chunk in column.chunks:
        fresh = chunk.to_pylist()
        few = text and len(shared) < MOST_SHARED
        values.extend([shared.setdefault(value, value) for value in fresh] if few else fresh)
    return values


class Fields(Mapping[str, Sequence[Any]]):
    """The columns of a table, each made a list only when it is asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __getitem__(self, name: str) -> list[Any]:
        """Return a column as a list."""
        return plain(self._table[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_columns)


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
        values = plain((chosen.select(keep) if keep is not None else chosen).with_format("arrow")[:][column])
        kind = feature_kind(feature)
        if isinstance(feature, datasets.ClassLabel):
            values = [feature.names[value] for value in values]
        elif kind == "labels":
            inner = feature.feature.names
            values = [[inner[value] for value in row] for row in values]
        elif kind in {"integer", "integers"}:
            written: dict[int, str] = {}
            values = [
                written.setdefault(row, str(row)) if kind == "integer" else [str(each) for each in row]
                for row in values
            ]
        found[name] = values
    return found


def measure(requested: Request, judged: Mapping[str, Judged]) -> Measurement:
    """Measure predictions by one metric."""
    takes = requested.metric.takes
    if takes == "anything":
        first = next(iter(judged.values()))
        return requested.metric.measure(first.predictions, first.references, **requested.arguments)
    evidence = judged[takes]
    return requested.metric.measure(
        evidence.predictions, evidence.references, **evidence.arguments, **requested.arguments
    )


def judged_rows(
    plan: Plan, candidate: Candidate, predictions: PredictionsReference
) -> tuple[dict[str, Judged], Sequence[int]]:
    """Return what the metrics take, and the numbers of the rows behind it: those that did not fail."""
    kind = plan.kind
    table = predictions.table()
    kept = table.filter(pc.is_null(table["error"]))
    whole = len(kept) == len(table)
    numbers = range(len(table)) if whole else kept["row"].to_pylist()
    right = references(open_rows(plan.rows), plan.mapping, kind.references, None if whole else numbers)
    return kind.evidence(Fields(kept.select(kind.prediction.names)), right, candidate.alignment), numbers


def measure_both(requested: Request, one: Mapping[str, Judged], other: Mapping[str, Judged]) -> Measurement:
    """Measure one model's rows followed by another's, as one."""
    both = {
        takes: Judged(
            joined_rows(first.predictions, other[takes].predictions),
            joined_rows(first.references, other[takes].references),
            {
                name: joined_rows(value, other[takes].arguments[name]) if name in OF_ROWS else value
                for name, value in first.arguments.items()
            },
        )
        for takes, first in one.items()
    }
    return measure(requested, both)


def groups(plan: Plan, numbers: Sequence[int]) -> list[Any] | None:
    """Return what each row belongs to, in the order of row numbers; None where rows are independent."""
    column = plan.evaluation.settings.groups
    if column is None:
        return None
    chosen = open_rows(plan.rows).select_columns([column]).select(numbers)
    return list(chosen[column])


def score(plan: Plan, candidate: Candidate, predictions: PredictionsReference) -> Judgement:
    """Score one candidate's stored predictions by every metric asked for; no model runs."""
    settings = plan.evaluation.settings
    judged, numbers = judged_rows(plan, candidate, predictions)
    belonging = groups(plan, numbers)
    scores: dict[str, Score] = {}
    details: dict[str, list[dict[str, object]]] = {}
    tags: dict[str, str] = {}
    for each in plan.requested:
        measurement = measure(each, judged)
        scores |= scores_of(
            measurement,
            level=settings.level,
            resamples=settings.resamples,
            seed=settings.seed,
            method=settings.intervals,
            groups=belonging,
        )
        details |= measurement.details
        tags |= measurement.tags
    return Judgement(scores, details, tags, len(numbers))
