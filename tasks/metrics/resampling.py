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

_MANY = 200_000
_BAGS = 20_000


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


def bagged(values: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return sums of very many rows in 20,000 random bags of equal size; fewer rows as they are.

    Drawing a million rows a thousand times takes longer than everything else a metric does. Bags of rows
    dealt out at random, drawn in place of rows, give totals of the same mean and spread (the spread to within
    1%), also where a few rows carry a statistic.

    Args:
        values: Statistics, shape (rows, k).
        generator: Source of randomness.

    >>> bagged(np.ones((3, 1)), np.random.default_rng(0)).shape
    (3, 1)
    """
    rows = len(values)
    if rows <= _MANY:
        return values
    dealt = values[generator.permutation(rows)]
    return np.add.reduceat(dealt, np.linspace(0, rows, _BAGS, endpoint=False).astype(np.int64), axis=0)


def groups_of_rows(rows: int, most: int) -> NDArray[np.int64]:
    """Sort rows into at most `most` groups of nearly equal size, every so manyth row in one.

    >>> groups_of_rows(5, 2)
    array([0, 1, 0, 1, 0])
    """
    return np.arange(rows, dtype=np.int64) % min(rows, most)
