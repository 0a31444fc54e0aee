"""Drawing bootstrap samples of rows as weights: how often each row was drawn.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 100_000
"""Weights drawn at a time: few enough to stay in a core's cache, several times faster than more at once."""

_NORMAL_ROWS = 200_000
_NORMAL_WIDTH = 256
_NORMAL_SHARE = 0.01
"""The largest share of a total's standard deviation that one row may have where totals are taken as normal.

The Berry-Esseen bound on the error of the distribution function is then below 0.6%.
"""


def drawn_weights(rows: int, count: int, generator: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield how often each row is in each of `count` bootstrap samples, in blocks (samples, rows).

    >>> [block.sum(axis=1) for block in drawn_weights(3, 2, np.random.default_rng(0))]
    [array([3., 3.])]
    """
    block = max(1, _BLOCK // max(rows, 1))
    for start in range(0, count, block):
        size = min(block, count - start)
        drawn = generator.integers(0, rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        weights = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        yield weights.astype(np.float64)


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def product(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply two matrices on one core.

    The matrices are small and many: threads that wait for each other on a busy machine make each product
    take a hundred times as long.

    >>> product(np.ones((1, 2)), np.array([[1.0], [2.0]]))
    array([[3.]])
    """
    with _libraries().limit(limits=1, user_api="blas"):
        return weights @ values


def normal_totals(
    values: NDArray[np.float64], count: int, generator: np.random.Generator
) -> NDArray[np.float64] | None:
    """Return bootstrap totals of very many rows by their normal limit, shape (count, k); None where unsafe.

    Drawing a million rows a thousand times takes longer than everything else a metric does, and the totals
    are then normal to within what `count` samples could tell, unless a few rows carry a statistic.

    Args:
        values: Statistics, shape (rows, k).
        count: Samples.
        generator: Source of randomness.

    >>> normal_totals(np.ones((3, 1)), 2, np.random.default_rng(0)) is None
    True
    """
    rows, width = values.shape
    if rows < _NORMAL_ROWS or width > _NORMAL_WIDTH:
        return None
    centre = values.mean(axis=0)
    spread = values.std(axis=0) * np.sqrt(rows)
    furthest = np.maximum(values.max(axis=0) - centre, centre - values.min(axis=0))
    if not (furthest <= _NORMAL_SHARE * spread + 1e-12 * (1 + np.abs(centre))).all():
        return None
    covariance = np.atleast_2d(np.cov(values, rowvar=False, bias=True)) * rows
    size, direction = np.linalg.eigh(covariance)
    factor = direction * np.sqrt(np.maximum(size, 0))
    return np.asarray(centre * rows + generator.standard_normal((count, width)) @ factor.T)


def groups_of_rows(rows: int, most: int) -> NDArray[np.int64]:
    """Sort rows into at most `most` groups of nearly equal size, every so manyth row in one.

    >>> groups_of_rows(5, 2)
    array([0, 1, 0, 1, 0])
    """
    return np.arange(rows, dtype=np.int64) % min(rows, most)
