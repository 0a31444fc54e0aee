"""Per-row sufficient statistics, and their bootstrap totals.

A score is a function of totals over rows, so a confidence interval needs no second look at a string: rows
are drawn by weight, and weighted totals are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 8_000_000
"""Weights held at a time while resampling: 64 MB of float64."""


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
    def width(self) -> int:
        """How many statistics a row has."""
        return int(self.values.shape[1])

    def total(self) -> FloatArray:
        """Return the sum over rows, shape (k,)."""
        return np.asarray(self.values.sum(axis=0), dtype=np.float64)

    def select(self, keep: NDArray[np.bool_] | IntArray) -> Sums:
        """Return the statistics of some rows, by mask or by number."""
        return Sums(self.values[keep])

    def resampled(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return totals of `count` bootstrap samples of the rows, shape (count, k).

        The rows drawn depend only on the number of rows and the generator's state, so that two models'
        statistics resampled from equal generators are resampled alike.
        """
        totals = np.empty((count, self.width))
        block = max(1, _BLOCK // max(self.rows, 1))
        for start in range(0, count, block):
            size = min(block, count - start)
            drawn = generator.integers(0, self.rows, size=(size, self.rows))
            drawn += np.arange(size)[:, None] * self.rows
            weights = np.bincount(drawn.ravel(), minlength=size * self.rows).reshape(size, self.rows)
            totals[start : start + size] = weights.astype(np.float64) @ self.values
        return totals


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
    def width(self) -> int:
        """How many cells there are."""
        return self.cells

    def total(self) -> FloatArray:
        """Return the rows in each cell, shape (cells,)."""
        return np.bincount(self.index, minlength=self.cells).astype(np.float64)

    def select(self, keep: NDArray[np.bool_] | IntArray) -> Cells:
        """Return the cells of some rows, by mask or by number."""
        return Cells(self.index[keep], self.cells)

    def resampled(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return cell counts of `count` bootstrap samples of the rows, shape (count, cells).

        Drawing rows with replacement and counting their cells is a multinomial draw over the cells.
        """
        share = self.total() / self.rows
        return generator.multinomial(self.rows, share, size=count).astype(np.float64)


Statistics = Sums | Cells
