"""Between two models: the difference of their scores on the same rows, tested as asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Literal

from tasks.metrics.comparison import Difference, paired, row_tested
from tasks.metrics.contract import Measurement
from tasks.metrics.randomisation import randomised

Test = Literal["bootstrap", "randomisation", "mcnemar", "wilcoxon"]

NAMED = {
    "randomisation": "approximate randomisation",
    "mcnemar": "McNemar, mid-p",
    "wilcoxon": "Wilcoxon",
}


def differences(
    one: Measurement,
    other: Measurement,
    joint: Callable[[], Measurement],
    *,
    test: Test = "bootstrap",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Difference]:
    """Return the difference of every score two models share; the interval is always the paired bootstrap's.

    Args:
        one: What was measured of one model.
        other: What was measured of the other, on the same rows in the same order.
        joint: Measures one model's rows followed by the other's, as one; called for randomisation alone.
        test: Where the p-value is from.
        level: Confidence level of the interval.
        resamples: Bootstrap samples, or swaps.
        seed: Seed of both.
        groups: What each row belongs to, where rows are not independent.

    Raises:
        BadEvaluation: Rows do not pair up, or the test does not fit the metric.
    """
    found = paired(one, other, level=level, resamples=resamples, seed=seed, groups=groups)
    if test == "bootstrap":
        return found
    if test == "randomisation":
        p_values = randomised(joint(), resamples=resamples, seed=seed, groups=groups)
    else:
        p_values = row_tested(one, other, test, groups)
    return {
        key: replace(found[key], p_value=p_value, test=NAMED[test])
        for key, p_value in p_values.items()
        if key in found
    }
