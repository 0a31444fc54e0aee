"""Comparing two models on the same rows, from stored statistics alone.

Sources: Efron and Tibshirani (1993), chapter 16, for the paired bootstrap; Koehn (2004), Statistical
Significance Tests for Machine Translation Evaluation; Holm (1979) for several comparisons at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.statistics import Cells, FloatArray


@dataclass(frozen=True)
class Difference:
    """One model's score minus another's, with its interval and a two-sided p-value."""

    value: float
    low: float
    high: float
    p_value: float


def paired(
    one: Measurement, other: Measurement, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """Return the difference of every score the two share, by a paired bootstrap over rows.

    Each bootstrap sample draws the same rows for both. The p-value is twice the smaller share of samples on
    the far side of zero, one added to count and samples so that it is never zero.

    Raises:
        BadEvaluation: The two were not measured on the same number of rows.
    """
    rows = one.statistics.rows
    if rows != other.statistics.rows:
        raise BadEvaluation(
            "Two models can be compared on the same rows only; "
            f"these have {rows} and {other.statistics.rows}."
        )
    resamples = other.affordable(one.affordable(resamples))
    point_one, point_other = one.score(one.statistics.total()), other.score(other.statistics.total())
    totals_one, totals_other = _resampled_alike(one, other, resamples, seed)
    drawn_one, drawn_other = one.score(totals_one), other.score(totals_other)
    tail = (1 - level) / 2
    found = {}
    for key in point_one:
        if key not in point_other:
            continue
        drawn = drawn_one[key] - drawn_other[key]
        drawn = drawn[np.isfinite(drawn)]
        value = float(point_one[key] - point_other[key])
        if not drawn.size or not np.isfinite(value):
            found[key] = Difference(value, float("nan"), float("nan"), 1.0)
            continue
        low, high = np.quantile(drawn, [tail, 1 - tail])
        beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
        p_value = min(1.0, 2 * (beyond + 1) / (drawn.size + 1))
        found[key] = Difference(value, float(low), float(high), p_value)
    return found


def _resampled_alike(
    one: Measurement, other: Measurement, resamples: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return totals of both measurements over the same drawn rows."""
    left, right = one.statistics, other.statistics
    if isinstance(left, Cells) and isinstance(right, Cells):
        pairs, joint = np.unique(left.index * right.cells + right.index, return_inverse=True)
        drawn = Cells(joint, len(pairs)).resampled(resamples, np.random.default_rng(seed))
        return _gathered(drawn, pairs // right.cells, left.cells), _gathered(
            drawn, pairs % right.cells, right.cells
        )
    return (
        left.resampled(resamples, np.random.default_rng(seed)),
        right.resampled(resamples, np.random.default_rng(seed)),
    )


def _gathered(counts: FloatArray, cell: np.ndarray, cells: int) -> FloatArray:
    """Add up counts of joint cells, shape (samples, joint), into cells, shape (samples, cells)."""
    gathered = np.zeros((counts.shape[0], cells))
    np.add.at(gathered.T, cell, counts.T)
    return gathered


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several, by Holm's step-down procedure.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda position: p_values[position])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for step, position in enumerate(order):
        highest = max(highest, min(1.0, p_values[position] * (len(p_values) - step)))
        corrected[position] = highest
    return corrected
