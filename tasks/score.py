"""Score: from stored predictions and the dataset's references to scores with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from tasks import extraction
from tasks.candidates import Candidate
from tasks.load import open_rows
from tasks.metrics.contract import Measurement, Score
from tasks.metrics.intervals import scores as scores_of
from tasks.plan import Plan, Request
from tasks.predict import PredictionsReference
from tasks.references import references
from tasks.types.contract import Judged


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
) -> tuple[dict[str, Judged], list[int]]:
    """Return what the metrics take, and the numbers of the rows behind it: those that did not fail."""
    kind = plan.kind
    table = predictions.table()
    kept = table.filter(pc.is_null(table["error"]))
    numbers = kept["row"].to_pylist()
    columns = {name: kept[name].to_pylist() for name in kind.prediction.names}
    right = references(open_rows(plan.rows), plan.mapping, kind.references, numbers)
    judged = kind.evidence(columns, right, candidate.alignment)
    return extraction.applied(plan.evaluation.settings.generation.extract, judged), numbers


def score(plan: Plan, candidate: Candidate, predictions: PredictionsReference) -> Judgement:
    """Score one candidate's stored predictions by every metric asked for; no model runs."""
    settings = plan.evaluation.settings
    judged, numbers = judged_rows(plan, candidate, predictions)
    scores: dict[str, Score] = {}
    details: dict[str, list[dict[str, object]]] = {}
    tags: dict[str, str] = {}
    for each in fitting(plan, judged):
        measurement = measure(each, judged)
        scores |= scores_of(
            measurement, level=settings.level, resamples=settings.resamples, seed=settings.seed
        )
        details |= measurement.details
        tags |= measurement.tags
    return Judgement(scores, details, tags, len(numbers))
