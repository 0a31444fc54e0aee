"""Per-row sufficient statistics, and their bootstrap totals.

A score is a function of totals over rows, so a confidence interval needs no second look at a string: rows
are drawn by weight, and weighted totals are one matrix product. Three kinds of statistics share one surface
(`rows`, `units`, `width`, `total`, `select`, `clustered`, `weighed`, `blocks`, `resampled`, `left_out`):

- `Sums`: numbers that add up over rows;
- `Cells`: each row falls in one cell of a table;
- `Weighted`: nothing adds up (ranks, areas under curves), so the "totals" are the rows' weights themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.resampling import bagged, drawn_weights, draws_of, groups_of_rows, product

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Keep = NDArray[np.bool_] | IntArray

_BLOCK = 100_000
_ROWS_A_CELL = 20
"""Rows for each cell from which on a draw over cells is faster than drawing every row."""

_LEFT_OUT = 200
"""Groups a jackknife leaves out in turn where leaving out every row would cost rows squared."""


@dataclass(frozen=True)
class Sums:
    """Statistics that add up: `values` of shape (rows, k), row by row in the order of the data.

    >>> Sums(np.array([[1.0, 2.0], [0.0, 3.0]])).total()
    array([1., 5.])
    """

    values: FloatArray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.values.shape[0])

    @property
    def units(self) -> int:
        """How many draws a bootstrap sample has."""
        return self.rows

    @property
    def width(self) -> int:
        """How many statistics a row has."""
        return int(self.values.shape[1])

    def total(self) -> FloatArray:
        """Return the sum over rows, shape (k,)."""
        return np.asarray(self.values.sum(axis=0), dtype=np.float64)

    def select(self, keep: Keep) -> Sums:
        """Return the statistics of some rows, by mask or by number."""
        return Sums(self.values[keep])

    def clustered(self, groups: IntArray) -> Sums:
        """Return one row for each group of rows: what a cluster bootstrap draws from.

        >>> Sums(np.array([[1.0], [2.0], [4.0]])).clustered(np.array([0, 1, 0])).values
        array([[5.],
               [2.]])
        """
        summed = np.zeros((int(groups.max()) + 1, self.width))
        np.add.at(summed, groups, self.values)
        return Sums(summed)

    def weighed(self, weights: FloatArray) -> FloatArray:
        """Return totals of rows by weight: (samples, units) -> (samples, k)."""
        return product(weights, self.values)

    def blocks(self, count: int, generator: np.random.Generator) -> Iterator[FloatArray]:
        """Yield totals of `count` bootstrap samples of the rows, in blocks of shape (samples, k)."""
        drawn_from = Sums(bagged(self.values, generator))
        for weights in drawn_weights(drawn_from.rows, count, generator, draws_of(self.rows)):
            yield drawn_from.weighed(weights)

    def resampled(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return totals of `count` bootstrap samples of the rows, shape (count, k)."""
        return np.concatenate([np.empty((0, self.width)), *self.blocks(count, generator)])

    def left_out(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield totals without each row in turn, (rows, k), and how often each counts, in blocks."""
        total = self.total()
        for start in range(0, self.rows, _BLOCK):
            without = total - self.values[start : start + _BLOCK]
            yield without, np.ones(len(without))


@dataclass(frozen=True)
class Cells:
    """Rows that each fall in one cell, as of a confusion matrix: `index` of shape (rows,), below `cells`.

    >>> Cells(np.array([0, 2, 2]), 3).total()
    array([1., 0., 2.])
    """

    index: IntArray
    cells: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.index.shape[0])

    @property
    def units(self) -> int:
        """How many draws a bootstrap sample has."""
        return self.rows

    @property
    def width(self) -> int:
        """How many cells there are."""
        return self.cells

    def total(self) -> FloatArray:
        """Return the rows in each cell, shape (cells,)."""
        return np.bincount(self.index, minlength=self.cells).astype(np.float64)

    def select(self, keep: Keep) -> Cells:
        """Return the cells of some rows, by mask or by number."""
        return Cells(self.index[keep], self.cells)

    def clustered(self, groups: IntArray) -> Sums:
        """Return the cell counts of each group of rows: what a cluster bootstrap draws from."""
        counts = np.zeros((int(groups.max()) + 1, self.cells))
        np.add.at(counts, (groups, self.index), 1.0)
        return Sums(counts)

    def weighed(self, weights: FloatArray) -> FloatArray:
        """Return the weight in each cell: (samples, units) -> (samples, cells)."""
        place = np.arange(len(weights))[:, None] * self.cells + self.index
        found = np.bincount(place.ravel(), weights.ravel(), minlength=len(weights) * self.cells)
        return found.astype(np.float64).reshape(len(weights), self.cells)

    def blocks(self, count: int, generator: np.random.Generator) -> Iterator[FloatArray]:
        """Yield cell counts of `count` bootstrap samples of the rows, in blocks of shape (samples, cells).

        Drawing rows with replacement and counting their cells is a multinomial draw over the cells; with few
        rows in most cells, drawing the rows themselves is faster.
        """
        if self.rows < _ROWS_A_CELL * self.cells:
            yield from self._drawn(count, generator)
            return
        share = self.total() / self.rows
        block = max(1, 2_000_000 // self.cells)
        for start in range(0, count, block):
            size = min(block, count - start)
            yield generator.multinomial(self.rows, share, size=size).astype(np.float64)

    def _drawn(self, count: int, generator: np.random.Generator) -> Iterator[FloatArray]:
        block = max(1, _BLOCK // max(self.rows, self.cells))
        for start in range(0, count, block):
            size = min(block, count - start)
            place = self.index[generator.integers(0, self.rows, size=(size, self.rows))]
            place += np.arange(size)[:, None] * self.cells
            counts = np.bincount(place.ravel(), minlength=size * self.cells)
            yield counts.astype(np.float64).reshape(size, self.cells)

    def resampled(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return cell counts of `count` bootstrap samples of the rows, shape (count, cells)."""
        return np.concatenate([np.empty((0, self.cells)), *self.blocks(count, generator)])

    def left_out(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield counts without one row of each occupied cell, and how many rows that stands for."""
        total = self.total()
        occupied = np.flatnonzero(total)
        block = max(1, _BLOCK // self.cells)
        for start in range(0, len(occupied), block):
            cell = occupied[start : start + block]
            without = np.repeat(total[None, :], len(cell), axis=0)
            without[np.arange(len(cell)), cell] -= 1
            yield without, total[cell]


@dataclass(frozen=True)
class Weighted:
    """Rows whose score takes weights: `unit` of shape (measured rows,) says which draw each belongs to.

    A row that is not selected belongs to -1; rows of one cluster belong to one draw.

    >>> Weighted(np.array([0, -1, 1])).total()
    array([1., 0., 1.])
    """

    unit: IntArray

    @classmethod
    def every(cls, rows: int) -> Weighted:
        """Return the statistics of rows that are each drawn by themselves."""
        return cls(np.arange(rows))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int((self.unit >= 0).sum())

    @property
    def units(self) -> int:
        """How many draws a bootstrap sample has."""
        return int(self.unit.max()) + 1

    @property
    def width(self) -> int:
        """How many rows were measured: the number of weights."""
        return int(self.unit.shape[0])

    def total(self) -> FloatArray:
        """Return the weight of every measured row: 1, or 0 where it is not selected."""
        return (self.unit >= 0).astype(np.float64)

    def select(self, keep: Keep) -> Weighted:
        """Return some of the rows, by mask or by number; a row counts once however often it is named."""
        there = np.flatnonzero(self.unit >= 0)[keep]
        unit = np.full(self.width, -1, dtype=np.int64)
        unit[there] = np.unique(self.unit[there], return_inverse=True)[1]
        return Weighted(unit)

    def clustered(self, groups: IntArray) -> Weighted:
        """Return the same rows, those of a group drawn together."""
        unit = np.full(self.width, -1, dtype=np.int64)
        unit[self.unit >= 0] = groups
        return Weighted(unit)

    def weighed(self, weights: FloatArray) -> FloatArray:
        """Return the weight of every measured row: (samples, units) -> (samples, measured rows)."""
        if np.array_equal(self.unit, np.arange(self.width)):
            return weights
        return np.where(self.unit >= 0, np.take(weights, self.unit, axis=1), 0.0)

    def blocks(self, count: int, generator: np.random.Generator) -> Iterator[FloatArray]:
        """Yield weights of `count` bootstrap samples, in blocks of shape (samples, measured rows)."""
        for weights in drawn_weights(self.units, count, generator):
            yield self.weighed(weights)

    def resampled(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return weights of `count` bootstrap samples, shape (count, measured rows)."""
        return np.concatenate([np.empty((0, self.width)), *self.blocks(count, generator)])

    def left_out(self, most: int = _LEFT_OUT) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield weights without each of at most `most` groups of draws in turn, each counting once."""
        group = groups_of_rows(self.units, most)
        of_row = np.where(self.unit >= 0, group[self.unit], -1)
        groups = int(group.max()) + 1
        block = max(1, 10 * _BLOCK // self.width)
        for start in range(0, groups, block):
            left = np.arange(start, min(start + block, groups))
            without = (of_row[None, :] != left[:, None]) & (of_row >= 0)[None, :]
            yield without.astype(np.float64), np.ones(len(left))


Statistics = Sums | Cells | Weighted
