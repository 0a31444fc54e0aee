"""Metrics: pure functions on arrays and strings, by name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tasks.errors import BadEvaluation
from tasks.metrics.arguments import check, translated
from tasks.metrics.between import Test, differences
from tasks.metrics.classification import confusion
from tasks.metrics.comparison import Difference
from tasks.metrics.contract import Measurement, Metric, Score
from tasks.metrics.intervals import Method, scores
from tasks.metrics.shapes import OF_ROWS, joined_rows
from tasks.metrics.table import METRICS, metric, metrics

__all__ = [
    "METRICS",
    "Difference",
    "Measurement",
    "Metric",
    "Score",
    "compare",
    "compute",
    "confusion",
    "metric",
    "metrics",
]


def compute(
    name: str,
    *,
    predictions: Sequence[Any] | None = None,
    references: Sequence[Any] = (),
    prediction_scores: Sequence[Any] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: Method = "auto",
    groups: Sequence[Hashable] | None = None,
    **arguments: Any,
) -> dict[str, Score]:
    """Compute a metric with its intervals; inputs have the shapes of HF evaluate's metric of that name.

    Args:
        name: The metric.
        predictions: What a model gave, row by row.
        references: What is right, row by row.
        prediction_scores: The same as `predictions`, as HF evaluate calls it for `roc_auc`.
        level: Confidence level of the intervals.
        resamples: Bootstrap samples; 0 for no intervals.
        seed: Seed of the samples.
        method: How intervals are found: `auto` (closed form for plain shares of rows, else the percentile
            bootstrap), `percentile`, `bca`, `wilson` or `clopper-pearson`; see `tasks.metrics.intervals`.
        groups: What each row belongs to, where rows are not independent: a document, a speaker.
        **arguments: The metric's own; those of HF evaluate's metric of that name are taken where they ask
            for the same number, and otherwise refused.

    Raises:
        UnknownName: There is no such metric, or it has no such argument or value of one.
        BadEvaluation: Predictions and references do not pair up, or the metric cannot take them.

    >>> compute("accuracy", predictions=[0, 1, 1], references=[0, 1, 0], resamples=0)["accuracy"].n
    3
    """
    given = prediction_scores if predictions is None else predictions
    if given is None:
        raise BadEvaluation(f"The metric '{name}' needs predictions.")
    measured = _measured(name, given, references, arguments)
    return scores(measured, level=level, resamples=resamples, seed=seed, method=method, groups=groups)


def compare(
    name: str,
    *,
    predictions: Sequence[Any],
    others: Sequence[Any],
    references: Sequence[Any],
    test: Test = "bootstrap",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
    **arguments: Any,
) -> dict[str, Difference]:
    """Compare two models on the same rows: the difference of their scores, and whether it could be chance.

    Args:
        name: The metric.
        predictions: What one model gave, row by row.
        others: What the other model gave.
        references: What is right.
        test: Where the p-value is from; the interval is always the paired bootstrap's. `bootstrap` and
            `randomisation` (rows swapped between the models) fit every metric; `mcnemar` (mid-p) fits plain
            shares of rows, as accuracy; `wilcoxon` (signed rank) fits metrics whose rows have scores.
        level: Confidence level of the interval.
        resamples: Bootstrap samples, or swaps.
        seed: Seed of both.
        groups: What each row belongs to, where rows are not independent.
        **arguments: The metric's own.

    Raises:
        UnknownName: There is no such metric, or it has no such argument.
        BadEvaluation: Rows do not pair up, or the test does not fit the metric.

    >>> found = compare("accuracy", predictions=[1] * 9, others=[0] * 9, references=[1] * 9, test="mcnemar")
    >>> round(found["accuracy"].p_value, 6)
    0.001953
    """
    one = _measured(name, predictions, references, arguments)
    other = _measured(name, others, references, arguments)

    def joint() -> Measurement:
        both = joined_rows(predictions, others), joined_rows(references, references)
        # An argument that goes with the rows, as SARI's sources, is there for each model.
        doubled = {
            key: joined_rows(value, value) if key in OF_ROWS else value for key, value in arguments.items()
        }
        return _measured(name, *both, doubled)

    return differences(
        one, other, joint, test=test, level=level, resamples=resamples, seed=seed, groups=groups
    )


def _measured(
    name: str, predictions: Sequence[Any], references: Sequence[Any], arguments: Mapping[str, Any]
) -> Measurement:
    found = metric(name)
    chosen = translated(name, arguments)
    check(found, chosen)
    return found.measure(predictions, references, **chosen)
