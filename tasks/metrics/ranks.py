"""Ranks of rows that have weights: the order of values, ranks that ties share, and pairs in the same order.

A weight of 2 is a row that is there twice, and ties with itself; so a bootstrap sample is a set of weights
and nothing is sorted again.
"""

from __future__ import annotations

import numpy as np

from tasks.metrics.resampling import product
from tasks.metrics.statistics import FloatArray, IntArray

_DIRECT = 64
"""Rows in a block whose pairs are counted by one product with a table, instead of by merging."""


class Order:
    """The rising order of values, shape (rows,).

    Attributes:
        rows: The rows in their order.
        distinct: Whether no two values are equal.
    """

    def __init__(self, values: FloatArray) -> None:
        self.rows: IntArray = np.argsort(values)
        ordered = values[self.rows]
        is_end = np.append(ordered[1:] != ordered[:-1], True)
        self._ends = np.flatnonzero(is_end)
        self._group = np.empty(len(values), dtype=np.int64)
        self._group[self.rows] = np.cumsum(is_end) - is_end
        self.distinct = len(self._ends) == len(values)

    def up_to(self, in_order: FloatArray) -> FloatArray:
        """Return sums up to and with every distinct value: (..., rows in order) -> (..., distinct values).

        >>> Order(np.array([1.0, 2.0, 2.0])).up_to(np.ones(3))
        array([1., 3.])
        """
        summed = np.cumsum(in_order, axis=-1)
        return summed if self.distinct else np.take(summed, self._ends, axis=-1)

    def ranks(self, weights: FloatArray) -> FloatArray:
        """Return the rank of every row, ties sharing the mean of theirs: weights (..., rows) -> (..., rows).

        >>> Order(np.array([5.0, 1.0, 5.0])).ranks(np.ones(3))
        array([2.5, 1. , 2.5])
        """
        last = self.up_to(np.take(weights, self.rows, axis=-1))
        last += last - steps(last) + 1
        last /= 2
        return np.take(last, self._group, axis=-1)

    def of_rows(self, of_distinct: FloatArray) -> FloatArray:
        """Return for every row what is known of its value: (distinct values,) -> (rows,).

        >>> Order(np.array([5.0, 1.0, 5.0])).of_rows(np.array([10.0, 50.0]))
        array([50., 10., 50.])
        """
        return np.take(of_distinct, self._group, axis=-1)

    def tied_pairs(self, weights: FloatArray) -> FloatArray:
        """Return how many pairs of rows have the same value, by weight: (..., rows) -> (...)."""
        there = weights if self.distinct else steps(self.up_to(np.take(weights, self.rows, axis=-1)))
        return np.asarray((np.einsum("...i,...i->...", there, there) - weights.sum(-1)) / 2)


def steps(summed: FloatArray) -> FloatArray:
    """Return what was summed up along the last axis.

    >>> steps(np.array([1.0, 3.0]))
    array([1., 2.])
    """
    found = summed.copy()
    found[..., 1:] -= summed[..., :-1]
    return found


class RisingPairs:
    """Pairs of rows in which both of two values rise, counted by weight, by merging sorted halves.

    The sorting is done once; each count is then a few passes over the weights for every doubling of rows.
    """

    def __init__(self, one: FloatArray, other: FloatArray) -> None:
        rank = np.unique(other, return_inverse=True)[1]
        # Of rows with the same first value the second falls, so that none of their pairs rises.
        self._rows = np.lexsort((-rank, one))
        rank = rank[self._rows]
        self._near = _rising_within(rank)
        place = np.arange(len(rank))
        self._levels: list[tuple[IntArray, FloatArray, IntArray]] = []
        half = _DIRECT
        while half < len(rank):
            block = place // (2 * half)
            is_left = place % (2 * half) < half
            # Of equal second values the right half's come first: they see none of the left half's below.
            merged = np.lexsort((is_left, rank, block))
            ends = np.append(np.arange(2 * half, len(rank), 2 * half), len(rank)) - 1
            self._levels.append((self._rows[merged], is_left[merged].astype(np.float64), ends))
            half *= 2

    def count(self, weights: FloatArray) -> FloatArray:
        """Return the pairs by weight: (samples, rows) -> (samples,).

        >>> RisingPairs(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).count(np.ones((1, 3)))
        array([2.])
        """
        in_order = np.take(weights, self._rows, axis=1)
        found = self._count_near(in_order)
        up_to_row = np.cumsum(in_order, axis=1)
        for rows, is_left, ends in self._levels:
            there = np.take(weights, rows, axis=1)
            left = there * is_left
            up_to = np.cumsum(left, axis=1)
            # Of both halves together; what the left half adds to itself has a closed form.
            whole = np.einsum("si,si->s", there, up_to)
            itself = (up_to[:, -1] ** 2 + np.einsum("si,si->s", left, left)) / 2
            # What earlier blocks have added to the sums is taken off again.
            lefts = steps(np.take(up_to, ends, axis=1))
            rights = steps(np.take(up_to_row, ends, axis=1)) - lefts
            earlier = np.take(up_to, ends, axis=1) - lefts
            found += whole - itself - np.einsum("si,si->s", rights, earlier)
        return found

    def _count_near(self, in_order: FloatArray) -> FloatArray:
        samples, rows = in_order.shape
        padded = np.zeros((samples, len(self._near) * _DIRECT))
        padded[:, :rows] = in_order
        blocks = np.ascontiguousarray(padded.reshape(samples, -1, _DIRECT).swapaxes(0, 1))
        return np.asarray(np.einsum("bsi,bsi->s", product(blocks, self._near), blocks))


def _rising_within(rank: IntArray) -> FloatArray:
    """Return which rows of a block have a lower rank than which later ones, shape (blocks, block, block)."""
    blocks = -(-len(rank) // _DIRECT)
    padded = np.full(blocks * _DIRECT, -1)
    padded[: len(rank)] = rank
    of_block = padded.reshape(blocks, _DIRECT)
    rising = of_block[:, :, None] < of_block[:, None, :]
    return (rising & np.triu(np.ones((_DIRECT, _DIRECT), dtype=np.bool_), 1)).astype(np.float64)
