"""Approximate randomisation: with the two models' answers swapped at random, how often do scores differ so?

Source: Noreen, Computer-Intensive Methods for Testing Hypotheses (1989); Yeh (2000), More Accurate Tests for
the Statistical Significance of Result Differences.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.intervals import joined, numbered
from tasks.metrics.resampling import product
from tasks.metrics.statistics import Cells, FloatArray, IntArray, Statistics, Sums, Weighted

_BLOCK = 100_000
"""Coins tossed at a time: few enough to stay in a core's cache."""


def randomised(
    joint: Measurement,
    *,
    resamples: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, float]:
    """Return the two-sided p-value of every score's difference, by swapping the two models' rows at random.

    Args:
        joint: What was measured of one model's rows followed by the other's, as one: so that both have their
            statistics in the same columns, and swapping them has a meaning for every metric.
        resamples: How often rows are swapped, each by the toss of a coin.
        seed: Seed of the coins.
        groups: What each row of one model belongs to; rows of a group are swapped together.

    Raises:
        BadEvaluation: The rows are not two models', or groups do not pair up with rows.

    The p-value is the share of swaps with a difference at least as large, one added to both counts.
    """
    if joint.statistics.rows % 2 or not joint.statistics.rows:
        raise BadEvaluation(
            f"A joint measurement holds each row once a model; {joint.statistics.rows} rows are no pairs."
        )
    rows = joint.statistics.rows // 2
    number = None if groups is None else numbered(groups, rows)
    one, other = _halves(joint.statistics, rows)
    of_one, of_other = joint.score(one), joint.score(other)
    seen = {key: float(of_one[key] - of_other[key]) for key in of_one}
    parts = []
    swaps = _swapped(joint.statistics, rows, number, resamples, np.random.default_rng(seed))
    for first, second in swaps:
        scores_of_first, scores_of_second = joint.score(first), joint.score(second)
        parts.append({key: np.asarray(scores_of_first[key] - scores_of_second[key]) for key in seen})
    drawn = joined(parts)
    found = {}
    for key, value in seen.items():
        defined = np.abs(drawn[key][np.isfinite(drawn[key])])
        # What equals the difference seen but for rounding counts as equal.
        rounding = 1e-12 * max(abs(float(of_one[key])), abs(float(of_other[key])))
        as_large = int((defined >= abs(value) * (1 - 1e-9) - rounding).sum())
        found[key] = (as_large + 1) / (defined.size + 1) if np.isfinite(value) else 1.0
    return found


def _halves(statistics: Statistics, rows: int) -> tuple[FloatArray, FloatArray]:
    """Return the totals of each model."""
    if isinstance(statistics, Weighted):
        first = (np.arange(2 * rows) < rows).astype(np.float64)
        return first, 1 - first
    of_first = np.arange(rows)
    return statistics.select(of_first).total(), statistics.select(of_first + rows).total()


def _swapped(
    statistics: Statistics,
    rows: int,
    groups: IntArray | None,
    count: int,
    generator: np.random.Generator,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the totals of both models with rows swapped between them, in blocks."""
    if isinstance(statistics, Weighted):
        for coins in _coins(rows, groups, count, generator):
            weights = np.concatenate([1 - coins, coins], axis=1)
            yield weights, 1 - weights
        return
    halves = [statistics.select(np.arange(rows) + start) for start in (0, rows)]
    if groups is not None:
        halves = [half.clustered(groups) for half in halves]
    one, other = halves
    if isinstance(one, Cells) and isinstance(other, Cells):
        yield from _swapped_cells(one, other, count, generator)
    elif isinstance(one, Sums) and isinstance(other, Sums):
        differs = (one.values != other.values).any(axis=1)
        change = other.values[differs] - one.values[differs]
        first, second = one.total(), other.total()
        for coins in _coins(len(change), None, count, generator):
            moved = product(coins, change)
            yield first + moved, second - moved


def _swapped_cells(
    one: Cells, other: Cells, count: int, generator: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Swap rows by pair of cells: of those in a pair, as many are swapped as coins fall on one side."""
    pairs, there = np.unique(one.index * one.cells + other.index, return_counts=True)
    source, target = pairs // one.cells, pairs % one.cells
    apart = source != target
    source, target, there = source[apart], target[apart], there[apart]
    first, second = one.total(), other.total()
    block = max(1, _BLOCK // max(one.cells, len(pairs), 1))
    for start in range(0, count, block):
        size = min(block, count - start)
        moved = generator.binomial(there, 0.5, size=(size, len(there))).astype(np.float64).T
        change = np.zeros((one.cells, size))
        np.add.at(change, target, moved)
        np.subtract.at(change, source, moved)
        yield first + change.T, second - change.T


def _coins(
    rows: int, groups: IntArray | None, count: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield a coin for every row, 0 or 1, in blocks of shape (samples, rows)."""
    tossed = rows if groups is None else int(groups.max()) + 1
    block = max(1, _BLOCK // max(rows, 1))
    for start in range(0, count, block):
        size = min(block, count - start)
        coins = generator.integers(0, 2, size=(size, tossed)).astype(np.float64)
        yield coins if groups is None else coins[:, groups]
