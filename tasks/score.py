"""Score: from stored predictions and the dataset's references to scores with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks import extraction
from tasks.candidates import Candidate
from tasks.data.references import plain, references
from tasks.load import open_rows
from tasks.metrics.contract import Measurement, Score
from tasks.metrics.intervals import scores as scores_of
from tasks.metrics.shapes import OF_ROWS, joined_rows
from tasks.plan import Plan, Request
from tasks.predict import PredictionsReference
from tasks.types.contract import Alignment, Judged


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


def fitting(plan: Plan, judged: Mapping[str, Judged]) -> list[Request]:
    """Return the metrics that apply: of a task type's defaults, those that what is judged can feed."""
    return [each for each in plan.requested if each.metric.takes in (*judged, "anything")]


def judged_rows(
    plan: Plan, candidate: Candidate, predictions: PredictionsReference
) -> tuple[dict[str, Judged], Sequence[int]]:
    """Return what the metrics take, and the numbers of the rows behind it: those that did not fail."""
    return judged_table(plan, candidate.alignment, predictions.table())


def judged_table(
    plan: Plan, alignment: Alignment, table: pa.Table
) -> tuple[dict[str, Judged], Sequence[int]]:
    """Return what the metrics take of some rows' predictions, and the numbers of those that did not fail.

    Args:
        plan: What is evaluated.
        alignment: How the model's labels correspond to the dataset's.
        table: Predictions as they are stored, of all rows or of some, in rising order of `row`.
    """
    kind = plan.kind
    opened = open_rows(plan.rows)
    kept = table.filter(pc.is_null(table["error"]))
    whole = len(kept) == len(opened)
    numbers = range(len(kept)) if whole else kept["row"].to_pylist()
    right = references(opened, plan.mapping, kind.references, None if whole else numbers)
    judged = kind.evidence(Fields(kept.select(kind.prediction.names)), right, alignment)
    return extraction.applied(plan.evaluation.settings.generation.extract, judged), numbers


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


def named_details(
    details: Mapping[str, list[dict[str, object]]], names: Mapping[str, str]
) -> dict[str, list[dict[str, object]]]:
    """Return tables of detail with their labels named.

    >>> named_details({"per_class": [{"label": "1", "iou": 0.5}]}, {"1": "sky"})
    {'per_class': [{'label': 'sky', 'iou': 0.5}]}
    """
    if not names:
        return dict(details)
    return {
        table: [
            {**row, "label": names.get(str(row["label"]), row["label"])} if "label" in row else row
            for row in rows
        ]
        for table, rows in details.items()
    }


def score(plan: Plan, candidate: Candidate, predictions: PredictionsReference) -> Judgement:
    """Score one candidate's stored predictions by every metric asked for; no model runs."""
    settings = plan.evaluation.settings
    judged, numbers = judged_rows(plan, candidate, predictions)
    belonging = groups(plan, numbers)
    scores: dict[str, Score] = {}
    details: dict[str, list[dict[str, object]]] = {}
    tags: dict[str, str] = {}
    for each in fitting(plan, judged):
        measurement = measure(each, judged)
        names = judged[each.metric.takes].names if each.metric.takes in judged else {}
        scores |= scores_of(
            measurement,
            level=settings.level,
            resamples=settings.resamples,
            seed=settings.seed,
            method=settings.intervals,
            groups=belonging,
        )
        details |= named_details(measurement.details, names)
        tags |= measurement.tags
    return Judgement(scores, details, tags, len(numbers))
