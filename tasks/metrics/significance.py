"""Tests of whether two models are equally good on the same rows, and the correction for several of them.

Sources: McNemar (1947); Fagerland, Lydersen and Laake (2013), The McNemar test for binary matched-pairs data,
for mid-p; Wilcoxon (1945) and Pratt (1959); Holm (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.statistics import FloatArray


def mcnemar(only_one: int, only_other: int, kind: Literal["mid-p", "exact", "chi2"] = "mid-p") -> float:
    """Return the two-sided p-value that two models are right equally often, from the rows they differ on.

    Args:
        only_one: Rows that one model alone has right.
        only_other: Rows that the other alone has right.
        kind: `exact` is the binomial test, which never rejects too often; `mid-p` counts what was seen by
            half, closer to the level it claims; `chi2` is for many rows, without continuity correction.

    >>> round(mcnemar(1, 9, "exact"), 6)
    0.021484
    """
    from scipy.stats import binom, chi2

    differing = only_one + only_other
    if differing == 0:
        return 1.0
    if kind == "chi2":
        return float(chi2.sf((only_one - only_other) ** 2 / differing, 1))
    fewer = min(only_one, only_other)
    p_value = 2 * float(binom.cdf(fewer, differing, 0.5))
    if kind == "mid-p":
        p_value -= float(binom.pmf(fewer, differing, 0.5))
    return min(1.0, p_value)


def wilcoxon(one: FloatArray, other: FloatArray) -> float:
    """Return the two-sided p-value of the signed-rank test on scores of the same rows.

    Rows where both are equal take part by Pratt's method. Reference: scipy.stats.wilcoxon.

    Raises:
        BadEvaluation: A row's score is not a number, or the rows are not the same.

    >>> wilcoxon(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    1.0
    """
    from scipy.stats import wilcoxon as signed_rank

    if one.shape != other.shape:
        raise BadEvaluation(
            f"Two models can be compared on the same rows only; these have {one.size} and {other.size}."
        )
    differences = one - other
    if not np.isfinite(differences).all():
        raise BadEvaluation("The signed-rank test needs a score of every row, and some rows have none.")
    if not differences.any():
        return 1.0
    return float(signed_rank(differences, zero_method="pratt").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several, by Holm's step-down procedure.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda position: p_values[position])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for step, position in enumerate(order):
        highest = max(highest, min(1.0, p_values[position] * (len(p_values) - step)))
        corrected[position] = highest
    return corrected
