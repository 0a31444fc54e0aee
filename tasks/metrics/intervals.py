"""Confidence intervals from per-row statistics, by the percentile bootstrap.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement, Score


def scores(
    measurement: Measurement, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> dict[str, Score]:
    """Return every score of a measurement with its percentile bootstrap interval.

    Args:
        measurement: Statistics and the function from totals to scores.
        level: Confidence level, between 0 and 1.
        resamples: Bootstrap samples; 0 for no interval.
        seed: Seed of the samples.

    Raises:
        BadEvaluation: There are no rows.

    A score that some samples leave undefined (a class that was not drawn) has its interval from the others;
    one that is itself undefined, or stands on a single row, has none.
    """
    rows = measurement.statistics.rows
    if rows == 0:
        raise BadEvaluation("There are no rows to score.")
    points = measurement.score(measurement.statistics.total())
    samples = {}
    if resamples and rows > 1:
        generator = np.random.default_rng(seed)
        samples = measurement.score(measurement.statistics.resampled(resamples, generator))
    found = {}
    for key, point in points.items():
        value = float(point)
        low = high = None
        drawn = samples.get(key)
        if drawn is not None and np.isfinite(value):
            defined = drawn[np.isfinite(drawn)]
            if defined.size:
                tail = (1 - level) / 2
                low, high = (float(each) for each in np.quantile(defined, [tail, 1 - tail]))
        found[key] = Score(value, low, high, rows, measurement.higher_is_better[key])
    return found
