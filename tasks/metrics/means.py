"""Scores that are the mean of a value each row has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.metrics.contract import Measurement
from tasks.metrics.statistics import Cells, FloatArray, Sums


def mean_of_rows(
    key: str,
    values: FloatArray,
    *,
    higher_is_better: bool = True,
    details: Mapping[str, list[dict[str, object]]] | None = None,
) -> Measurement:
    """Measure the mean of one value a row, shape (rows,).

    >>> measured = mean_of_rows("mae", np.array([1.0, 2.0]), higher_is_better=False)
    >>> float(measured.score(measured.statistics.total())["mae"])
    1.5
    """
    return Measurement(
        Sums(np.stack([values, np.ones(len(values))], axis=1)),
        lambda totals: {key: totals[..., 0] / totals[..., 1]},
        {key: higher_is_better},
        details or {},
    )


def share_of_rows(key: str, hits: np.ndarray) -> Measurement:
    """Measure the share of rows that are hits, shape (rows,): a plain proportion.

    >>> measured = share_of_rows("hit_rate", np.array([True, False]))
    >>> float(measured.score(measured.statistics.total())["hit_rate"])
    0.5
    """
    return Measurement(
        Cells(np.asarray(hits, dtype=np.int64), 2),
        lambda totals: {key: totals[..., 1] / totals.sum(-1)},
        {key: True},
        proportions={key: 1.0},
    )
