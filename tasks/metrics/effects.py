"""Effect sizes of the difference between two models, and the scores of single rows they stand on.

Source: Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapters 2 and 6.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.statistics import Cells, FloatArray, Sums

_BLOCK = 1000


def row_scores(measurement: Measurement, key: str) -> FloatArray:
    """Return the score of each row by itself, shape (rows,).

    Raises:
        BadEvaluation: No row has a score of its own, as in an area under a curve.
    """
    statistics = measurement.statistics
    if isinstance(statistics, Sums):
        return np.asarray(measurement.score(statistics.values)[key], dtype=np.float64)
    if isinstance(statistics, Cells):
        blocks = []
        for start in range(0, statistics.cells, _BLOCK):
            size = min(_BLOCK, statistics.cells - start)
            blocks.append(measurement.score(np.eye(size, statistics.cells, start))[key])
        return np.asarray(np.concatenate(blocks)[statistics.index], dtype=np.float64)
    raise BadEvaluation(f"The score '{key}' is of all rows together; single rows have none.")


def effect_size(one: Measurement, other: Measurement, key: str) -> tuple[str | None, float | None]:
    """Return the customary effect size of a difference, with its name; (None, None) where there is none.

    Shares of rows have Cohen's h; scores that are the mean of their rows' scores have Cohen's d of the
    differences (d_z).
    """
    first, second = (float(each.score(each.statistics.total())[key]) for each in (one, other))
    if key in one.proportions and key in other.proportions:
        return "cohen_h", cohen_h(first / one.proportions[key], second / other.proportions[key])
    if not (isinstance(one.statistics, Sums) and isinstance(other.statistics, Sums)):
        return None, None
    rows_of_first, rows_of_second = row_scores(one, key), row_scores(other, key)
    means = float(rows_of_first.mean()), float(rows_of_second.mean())
    if not np.allclose(means, (first, second), rtol=1e-9, atol=1e-15):
        return None, None
    effect = cohen_dz(rows_of_first - rows_of_second)
    return ("cohen_dz", effect) if math.isfinite(effect) else (None, None)


def cohen_h(one: float, other: float) -> float:
    """Return Cohen's h of two proportions: the difference of their arcsine transforms.

    >>> round(cohen_h(0.5, 0.3), 4)
    0.4115
    """
    return 2 * math.asin(math.sqrt(one)) - 2 * math.asin(math.sqrt(other))


def cohen_dz(differences: FloatArray) -> float:
    """Return the mean of paired differences in their standard deviations; NaN where they do not vary.

    >>> cohen_dz(np.array([1.0, 3.0])).hex() == (2 / 2**0.5).hex()
    True
    """
    if differences.size < 2 or not (spread := float(differences.std(ddof=1))):
        return float("nan")
    return float(differences.mean()) / spread
