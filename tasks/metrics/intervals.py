"""Confidence intervals from per-row statistics, by the percentile or the BCa bootstrap.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile) and 14 (BCa).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement, Score
from tasks.metrics.statistics import FloatArray, IntArray, Statistics

Method = Literal["percentile", "bca"]


def scores(
    measurement: Measurement,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: Method = "percentile",
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Score]:
    """Return every score of a measurement with its bootstrap interval.

    Args:
        measurement: Statistics and the function from totals to scores.
        level: Confidence level, between 0 and 1.
        resamples: Bootstrap samples; 0 for no interval.
        seed: Seed of the samples.
        method: `percentile`, or `bca` (bias-corrected and accelerated), better for skewed scores of few rows;
            it does nothing to a measurement that is centred.
        groups: What each row belongs to, as a document or a speaker; rows of a group are drawn together
            (the cluster bootstrap). None where rows are independent.

    Raises:
        BadEvaluation: There are no rows, or groups do not pair up with rows, or the level is not a share.

    A score that some samples leave undefined (a class that was not drawn) has its interval from the others;
    one that is itself undefined, or stands on a single row or group, has none.
    """
    statistics = measurement.statistics
    rows = statistics.rows
    if rows == 0:
        raise BadEvaluation("There are no rows to score.")
    if not 0 < level < 1:
        raise BadEvaluation(f"A confidence level lies between 0 and 1, and {level} does not.")
    points = measurement.score(statistics.total())
    units: Statistics = statistics if groups is None else statistics.clustered(_numbered(groups, rows))
    drawn: dict[str, FloatArray] = {}
    resamples = measurement.affordable(resamples)
    if resamples and rows > 1 and (groups is None or len(set(groups)) > 1):
        drawn = resampled_scores(measurement, units, resamples, np.random.default_rng(seed))
    without = (
        _left_out_scores(measurement, units) if drawn and method == "bca" and not measurement.centred else {}
    )
    found = {}
    for key, point in points.items():
        value = float(point)
        low = high = None
        if key in drawn and np.isfinite(value):
            defined = drawn[key][np.isfinite(drawn[key])]
            if defined.size:
                tails = np.array([(1 - level) / 2, (1 + level) / 2])
                if without:
                    tails = _corrected(tails, value, defined, *without[key])
                shift = value - float(np.median(defined)) if measurement.centred else 0.0
                low, high = (float(each) + shift for each in np.quantile(defined, tails))
                if shift and defined.min() >= 0:
                    # A distance or a precision that is never below 0 has no interval from below 0.
                    low = max(low, 0.0)
        found[key] = Score(value, low, high, rows, measurement.higher_is_better[key])
    return found


def resampled_scores(
    measurement: Measurement, statistics: Statistics, resamples: int, generator: np.random.Generator
) -> dict[str, FloatArray]:
    """Return every score of each bootstrap sample, shape (resamples,) by score key."""
    parts = [measurement.score(block) for block in statistics.blocks(resamples, generator)]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _numbered(groups: Sequence[Hashable], rows: int) -> IntArray:
    if len(groups) != rows:
        raise BadEvaluation(f"There are {len(groups)} groups and {rows} rows; a row needs one group.")
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)


def _left_out_scores(
    measurement: Measurement, statistics: Statistics
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return jackknife scores and how often each counts, by score key."""
    totals, counts = statistics.left_out()
    found = measurement.score(totals)
    return {key: (np.asarray(values), counts) for key, values in found.items()}


def _corrected(
    tails: FloatArray, value: float, drawn: FloatArray, without: FloatArray, counts: FloatArray
) -> FloatArray:
    """Move the quantiles by the bias and the acceleration of the score."""
    from scipy.special import ndtr, ndtri

    below = (np.sum(drawn < value) + np.sum(drawn == value) / 2) / drawn.size
    if not 0 < below < 1:
        return tails
    bias = ndtri(below)
    defined = np.isfinite(without)
    without, counts = without[defined], counts[defined]
    pull = np.average(without, weights=counts) - without if counts.sum() else np.zeros(1)
    counts = counts if counts.sum() else np.ones(1)
    spread = float((counts * pull**2).sum())
    acceleration = float((counts * pull**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)), dtype=np.float64)
