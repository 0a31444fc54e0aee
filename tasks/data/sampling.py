"""Which rows a run shows: a sample that is the same for every model, and known while rows still come."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

SAMPLED = 200
PICTURED = 24
"""Sampled rows when each carries an image."""


def _priorities(start: int, stop: int) -> NDArray[np.uint64]:
    """Return a number for each row that looks random and depends on the row's number alone (SplitMix64)."""
    mixed = (np.arange(start, stop, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def sampled(rows: int, most: int) -> list[int]:
    """Return the numbers of the sampled rows, in order: those of lowest priority.

    >>> sampled(3, 5)
    [0, 1, 2]
    >>> len(set(sampled(1000, 5)))
    5
    """
    return sorted(int(row) for row in np.argsort(_priorities(0, rows), kind="stable")[:most])


class Sampling:
    """The sample of rows whose count is not known yet: each row is told as it comes whether to keep it.

    The rows of `sampled(rows, most)` are among those kept, wherever the rows end, and only about
    `most * log(rows / most)` others.

    >>> told = Sampling(5).keeps(0, 1000)
    >>> set(sampled(1000, 5)) <= {row for row in range(1000) if told[row]}
    True
    """

    def __init__(self, most: int, start: int = 0) -> None:
        """Begin at a row, as if those before it had been seen."""
        lowest = np.sort(_priorities(0, start))[:most]
        self._most = most
        self._highest_first = [-int(each) for each in lowest]
        heapq.heapify(self._highest_first)

    def keeps(self, start: int, stop: int) -> list[bool]:
        """Tell of each of the next rows whether it may be in the sample."""
        return [self._keeps(int(priority)) for priority in _priorities(start, stop)]

    def _keeps(self, priority: int) -> bool:
        if len(self._highest_first) < self._most:
            heapq.heappush(self._highest_first, -priority)
            return True
        if self._most and priority < -self._highest_first[0]:
            heapq.heapreplace(self._highest_first, -priority)
            return True
        return False
