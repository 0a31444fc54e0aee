"""Power: how small a difference between two models a dataset's rows can show."""

from __future__ import annotations


def detectable_difference(standard_error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference that a two-sided test would see with a chance of `power`.

    It is (z(1 - alpha / 2) + z(power)) standard errors of the difference; with four times the rows it halves.
    Source: Card et al. (2020), With Little Power Comes Great Responsibility.

    Args:
        standard_error: Of the paired difference of the two scores.
        alpha: Level of the test.
        power: The chance.

    >>> round(detectable_difference(0.01), 4)
    0.028
    """
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power)) * standard_error
