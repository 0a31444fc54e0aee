"""Regression: errors of predicted numbers, and the share of variance they explain.

A row is a number, or several (outputs), over which scores are averaged with equal weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.means import mean_of_rows
from tasks.metrics.shapes import numbers
from tasks.metrics.statistics import FloatArray, Sums


def mse(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Mean squared error, 0 or more, in the square of the references' unit.

    Key: `mse`. Reference: sklearn.metrics.mean_squared_error.
    """
    given, wanted = numbers(predictions, references)
    return mean_of_rows("mse", ((given - wanted) ** 2).mean(axis=1), higher_is_better=False)


def rmse(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Root of the mean squared error, 0 or more, in the references' unit.

    Key: `rmse`. Of several outputs, the mean of their roots. Reference:
    sklearn.metrics.root_mean_squared_error.
    """
    given, wanted = numbers(predictions, references)
    values = np.concatenate([(given - wanted) ** 2, np.ones((len(given), 1))], axis=1)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {"rmse": np.sqrt(np.maximum(totals[..., :-1], 0) / totals[..., -1:]).mean(-1)}

    return Measurement(Sums(values), score, {"rmse": False})


def mae(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Mean absolute error, 0 or more, in the references' unit.

    Key: `mae`. Reference: sklearn.metrics.mean_absolute_error.
    """
    given, wanted = numbers(predictions, references)
    return mean_of_rows("mae", np.abs(given - wanted).mean(axis=1), higher_is_better=False)


def mape(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Mean absolute error as a share of the reference, 0 or more; 0.1 is 10%.

    Key: `mape`. Errors below the reference cost at most 1, errors above have no limit. Reference:
    sklearn.metrics.mean_absolute_percentage_error.

    Raises:
        BadEvaluation: A reference is 0; the reference implementation gives a huge number then.
    """
    given, wanted = numbers(predictions, references)
    if (zero := np.flatnonzero((wanted == 0).any(axis=1))).size:
        raise BadEvaluation(f"A share of a reference that is 0 is not defined, and that of row {zero[0]} is.")
    return mean_of_rows("mape", np.abs((given - wanted) / wanted).mean(axis=1), higher_is_better=False)


def r_squared(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Share of the references' variance that the predictions explain, at most 1; 0 is guessing the mean.

    Key: `r_squared`. It is the coefficient of determination, not the square of a correlation, so it falls
    below 0 without limit. Undefined (NaN) where all references are equal. Reference:
    sklearn.metrics.r2_score, which gives 0 or 1 then.
    """
    given, wanted = numbers(predictions, references)
    outputs = wanted.shape[1]
    centred = wanted - middle(wanted)
    values = np.concatenate([(given - wanted) ** 2, centred, centred**2, np.ones((len(given), 1))], axis=1)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        missed, summed, squared = (totals[..., each * outputs : (each + 1) * outputs] for each in range(3))
        spread = squared - summed**2 / totals[..., -1:]
        varies = spread > 1e-12 * squared
        share = np.divide(missed, spread, out=np.full(np.shape(spread), np.nan), where=varies)
        return {"r_squared": 1 - share.mean(-1)}

    return Measurement(Sums(values), score, {"r_squared": True})


def middle(values: FloatArray) -> FloatArray:
    """Return a value of each column near its middle: taken off, equal values become exactly 0.

    >>> middle(np.array([[3.0], [1.0], [2.0]]))
    array([2.])
    """
    place = len(values) // 2
    return np.asarray(np.partition(values, place, axis=0)[place])
