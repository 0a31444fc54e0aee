"""Confidence intervals from per-row statistics: closed forms of proportions, and the bootstrap.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 11 (jackknife), 13
(percentile) and 14 (BCa); Wilson (1927) and Clopper and Pearson (1934) for proportions.
"""

from __future__ import annotations

import typing
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Interval, Measurement, Score
from tasks.metrics.proportions import clopper_pearson, wilson
from tasks.metrics.statistics import FloatArray, IntArray, Statistics, Weighted

Method = Literal["auto", "percentile", "bca", "wilson", "clopper-pearson"]

MANY = 200_000
"""Rows from which on an interval of what does not add up is by the jackknife: drawing them takes minutes."""

JACKKNIFED = 50
"""Groups of rows that the jackknife then leaves out in turn; its spread is right to within about 10%.

Where each row's influence on the score is known (areas under curves), it takes every row's instead."""

Bounds = tuple[float, float]


def scores(
    measurement: Measurement,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: Method = "auto",
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Score]:
    """Return every score of a measurement with its interval.

    Args:
        measurement: Statistics and the function from totals to scores.
        level: Confidence level, between 0 and 1.
        resamples: Bootstrap samples; 0 for no interval of any kind.
        seed: Seed of the samples.
        method: `auto` is Wilson's closed form for a plain share of rows (accuracy, exact match), and the
            percentile bootstrap for everything else, or the jackknife where more than 200,000 rows do not add
            up (areas under curves, rank correlations). `percentile` and `bca` (bias-corrected and
            accelerated, better for skewed scores of few rows) are the bootstrap for every score. `wilson` and
            `clopper-pearson` (never covers less than it claims) are for shares of rows only: other scores
            are as under `auto`. A measurement that is centred has the percentile's, moved onto its score.
        groups: What each row belongs to, as a document or a speaker; rows of a group are drawn together
            (the cluster bootstrap), and no closed form holds. None where rows are independent.

    Raises:
        BadEvaluation: There are no rows, or groups do not pair up with rows, or the level is not a share.
        UnknownName: There is no such method.

    A score has no interval where it is undefined, where it stands on a single row or group, and where every
    bootstrap sample gives the same: such an interval would be a point, which says certainty where there is
    none. Samples that leave a score undefined (a class that was not drawn) are left out.
    """
    statistics = measurement.statistics
    rows = statistics.rows
    if rows == 0:
        raise BadEvaluation("There are no rows to score.")
    if not 0 < level < 1:
        raise BadEvaluation(f"A confidence level lies between 0 and 1, and {level} does not.")
    if resamples < 0:
        raise BadEvaluation(f"There can be 0 bootstrap samples or more, not {resamples}.")
    if method not in typing.get_args(Method):
        raise unknown("kind of interval", method, typing.get_args(Method))
    points = {key: float(value) for key, value in measurement.score(statistics.total()).items()}
    bounds: dict[str, tuple[Interval, Bounds]] = {}
    if resamples:
        if groups is None and method not in {"percentile", "bca"}:
            bounds |= _closed(measurement, points, method, level)
        units = statistics if groups is None else statistics.clustered(numbered(groups, rows))
        wanted = [key for key in points if key not in bounds and np.isfinite(points[key])]
        if wanted and units.units > 1:
            bounds |= _by_resampling(measurement, units, points, wanted, method, level, resamples, seed)
    found = {}
    for key, value in points.items():
        how, (low, high) = bounds.get(key, (None, (None, None)))
        found[key] = Score(value, low, high, rows, measurement.higher_is_better[key], how)
    return found


def resampled_scores(
    measurement: Measurement, statistics: Statistics, resamples: int, generator: np.random.Generator
) -> dict[str, FloatArray]:
    """Return every score of each bootstrap sample, shape (resamples,) by score key."""
    return joined([measurement.score(block) for block in statistics.blocks(resamples, generator)])


def joined(parts: Sequence[dict[str, FloatArray]]) -> dict[str, FloatArray]:
    """Lay scores of several blocks of totals end to end.

    >>> joined([{"f1": np.array([0.5])}, {"f1": np.array([1.0])}])
    {'f1': array([0.5, 1. ])}
    """
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def numbered(groups: Sequence[Hashable], rows: int) -> IntArray:
    """Number the groups that rows belong to, in the order they occur.

    Raises:
        BadEvaluation: There is not one group a row.

    >>> numbered(["b", "a", "b"], 3)
    array([0, 1, 0])
    """
    if len(groups) != rows:
        raise BadEvaluation(f"There are {len(groups)} groups and {rows} rows; a row needs one group.")
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)


def _closed(
    measurement: Measurement, points: dict[str, float], method: Method, level: float
) -> dict[str, tuple[Interval, Bounds]]:
    """Return the closed-form interval of every score that is a share of rows."""
    rows = measurement.statistics.rows
    found: dict[str, tuple[Interval, Bounds]] = {}
    for key, whole in measurement.proportions.items():
        hits = round(points[key] / whole * rows)
        if method == "clopper-pearson":
            low, high = clopper_pearson(hits, rows, level)
            found[key] = ("clopper-pearson", (whole * low, whole * high))
        else:
            low, high = wilson(hits, rows, level)
            found[key] = ("wilson", (whole * low, whole * high))
    return found


def _by_resampling(
    measurement: Measurement,
    units: Statistics,
    points: dict[str, float],
    wanted: Sequence[str],
    method: Method,
    level: float,
    resamples: int,
    seed: int,
) -> dict[str, tuple[Interval, Bounds]]:
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    found: dict[str, tuple[Interval, Bounds]] = {}
    if isinstance(units, Weighted) and units.units > MANY and method not in {"percentile", "bca"}:
        if measurement.influence is not None:
            moved = measurement.influence(measurement.statistics.total())
            spreads = {key: influence_error(units, moved[key]) for key in wanted}
            groups = units.units
        else:
            without, _ = _left_out_scores(measurement, units.left_out(JACKKNIFED))
            spreads = {key: standard_error(without[key]) for key in wanted}
            groups = JACKKNIFED
        for key, spread in spreads.items():
            if spread > 0:
                reach = student_reach(spread, groups, level)
                found[key] = ("jackknife", (points[key] - reach, points[key] + reach))
        return found
    resamples = measurement.affordable(resamples)
    if not resamples:
        return found
    drawn = resampled_scores(measurement, units, resamples, np.random.default_rng(seed))
    bca = method == "bca" and not measurement.centred
    without, counts = _left_out_scores(measurement, units.left_out()) if bca else ({}, np.empty(0))
    for key in wanted:
        defined = drawn[key][np.isfinite(drawn[key])]
        if not defined.size or np.ptp(defined) <= 1e-12 * np.abs(defined).max():
            continue
        at = _corrected(tails, points[key], defined, without[key], counts) if bca else tails
        shift = points[key] - float(np.median(defined)) if measurement.centred else 0.0
        low, high = (float(each) + shift for each in np.quantile(defined, at))
        if shift and defined.min() >= 0:
            # A distance or a precision that is never below 0 has no interval from below 0.
            low = max(low, 0.0)
        found[key] = ("bca" if bca else "percentile", (low, high))
    return found


def standard_error(without: FloatArray) -> float:
    """Return the jackknife's standard error from scores without each of equal groups in turn.

    >>> values = np.array([1.0, 2.0, 4.0, 7.0])
    >>> round(float(standard_error((values.sum() - values) / 3) / (values.std(ddof=1) / 2)), 12)
    1.0
    """
    defined = without[np.isfinite(without)]
    if defined.size < 2:
        return float("nan")
    return float(np.sqrt((defined.size - 1) * np.mean((defined - defined.mean()) ** 2)))


def influence_error(units: Weighted, moved: FloatArray) -> float:
    """Return the infinitesimal jackknife's standard error: of every row's influence, added up by draw.

    Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), chapter 6.

    >>> influence_error(Weighted(np.array([0, 0, 1])), np.array([1.0, 2.0, -4.0]))
    5.0
    """
    there = units.unit >= 0
    summed = np.bincount(units.unit[there], weights=moved[there])
    return float(np.sqrt((summed**2).sum()))


def student_reach(spread: float, groups: int, level: float) -> float:
    """Return how far an interval reaches from its middle, by Student's t for a spread from some groups.

    >>> round(student_reach(1.0, 50, 0.95), 4)
    2.0096
    """
    from scipy.special import stdtrit

    return float(stdtrit(groups - 1, (1 + level) / 2)) * spread


def _left_out_scores(
    measurement: Measurement, left_out: Iterable[tuple[FloatArray, FloatArray]]
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Return jackknife scores by score key, and how often each counts."""
    blocks = [(measurement.score(totals), counts) for totals, counts in left_out]
    return joined([found for found, _ in blocks]), np.concatenate([counts for _, counts in blocks])


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
