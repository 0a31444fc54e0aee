"""Ranks of rows that have weights: the order of values, ranks that ties share, and pairs in the same order.

A weight of 2 is a row that is there twice, and ties with itself; so a bootstrap sample is a set of weights
and nothing is sorted again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tasks.metrics.statistics import FloatArray, IntArray


@dataclass(frozen=True)
class Order:
    """The rising order of values, shape (rows,).

    Attributes:
        values: What is ordered.
        rows: The rows in their order.
    """

    values: FloatArray
    rows: IntArray = field(init=False)
    _last: IntArray = field(init=False)
    _distinct: bool = field(init=False)

    def __post_init__(self) -> None:
        rows = np.argsort(self.values, kind="stable")
        ordered = self.values[rows]
        ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "_last", ends[np.searchsorted(ends, np.arange(len(rows)))])
        object.__setattr__(self, "_distinct", len(ends) == len(rows))

    @property
    def _first(self) -> IntArray:
        starts = np.flatnonzero(np.append(True, self._last[1:] != self._last[:-1]))
        return starts[np.searchsorted(starts, np.arange(len(self.rows)), side="right") - 1]

    def at_end(self, summed: FloatArray) -> FloatArray:
        """Return cumulative sums in order, (..., rows), at the last row with the same value."""
        return summed if self._distinct else summed[..., self._last]

    def before_start(self, summed: FloatArray) -> FloatArray:
        """Return cumulative sums in order, (..., rows), before the first row with the same value."""
        before = np.concatenate([np.zeros((*summed.shape[:-1], 1)), summed[..., :-1]], axis=-1)
        return before if self._distinct else before[..., self._first]

    def ranks(self, weights: FloatArray) -> FloatArray:
        """Return the rank of every row, ties sharing the mean of theirs: weights (..., rows) -> (..., rows).

        >>> Order(np.array([5.0, 1.0, 5.0])).ranks(np.ones(3))
        array([2.5, 1. , 2.5])
        """
        up_to = np.cumsum(weights[..., self.rows], axis=-1)
        ranks = np.empty(up_to.shape)
        ranks[..., self.rows] = (self.at_end(up_to) + self.before_start(up_to) + 1) / 2
        return ranks

    def tied_pairs(self, weights: FloatArray) -> FloatArray:
        """Return how many pairs of rows have the same value, by weight: (..., rows) -> (...)."""
        starts = np.flatnonzero(np.append(True, self._last[1:] != self._last[:-1]))
        there = np.add.reduceat(weights[..., self.rows], starts, axis=-1)
        return np.asarray((there * (there - 1)).sum(-1) / 2)


class RisingPairs:
    """Pairs of rows in which both of two values rise, counted by weight, by merging sorted halves.

    The sorting is done once; each count is then a few passes over the weights for every doubling of rows.
    """

    def __init__(self, one: FloatArray, other: FloatArray) -> None:
        rank = np.unique(other, return_inverse=True)[1]
        # Of rows with the same first value the second falls, so that none of their pairs rises.
        rows = np.lexsort((-rank, one))
        rank = rank[rows]
        place = np.arange(len(rows))
        self._levels: list[tuple[IntArray, FloatArray, IntArray]] = []
        half = 1
        while half < len(rows):
            block = place // (2 * half)
            is_left = place % (2 * half) < half
            # Of equal second values the right half's come first: they see none of the left half's below.
            merged = np.lexsort((is_left, rank, block))
            starts = np.arange(0, len(rows), 2 * half)
            self._levels.append((rows[merged], is_left[merged].astype(np.float64), starts))
            half *= 2

    def count(self, weights: FloatArray) -> FloatArray:
        """Return the pairs by weight: (..., rows) -> (...).

        >>> float(RisingPairs(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).count(np.ones(3)))
        2.0
        """
        found = np.zeros(weights.shape[:-1])
        for rows, is_left, starts in self._levels:
            there = weights[..., rows]
            left = there * is_left
            right = there - left
            up_to = np.cumsum(left, axis=-1)
            found += np.einsum("...i,...i->...", right, up_to)
            # What earlier blocks have added to the cumulative sum is taken off again.
            of_block = np.add.reduceat(left, starts, axis=-1)
            earlier = np.cumsum(of_block, axis=-1) - of_block
            found -= np.einsum("...i,...i->...", np.add.reduceat(right, starts, axis=-1), earlier)
        return found
