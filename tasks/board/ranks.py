"""Ranks: models that the data cannot tell apart share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Basis = Literal["test", "intervals", "value"]
"""What a rank stands on: a paired test on the same rows, the two intervals, or the bare values."""
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Scored:
    """A score as it is ranked."""

    run: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Rank:
    """A place among the models of one board.

    Attributes:
        number: 1 for the best; what shares a place has one number, and the next follows after all of them.
        shared: Whether another model has it too.
        basis: How it was compared with the best of its place, or, being that, of the place before.
        against: The run that it was compared with; empty for the best of all.
    """

    number: int
    shared: bool
    basis: Basis
    against: str


def ranks(
    scored: Sequence[Scored], tested: Mapping[frozenset[str], float], *, higher_is_better: bool
) -> dict[str, Rank]:
    """Rank scores from the best on; what cannot be told from the best of a place shares that place.

    Args:
        scored: In any order.
        tested: p-values of paired tests, by the two runs.
        higher_is_better: Which end is best.

    >>> small, large = Scored("small", 0.90, 0.88, 0.92), Scored("large", 0.91, 0.89, 0.93)
    >>> poor = Scored("poor", 0.5, 0.45, 0.55)
    >>> found = ranks([small, poor, large], {}, higher_is_better=True)
    >>> [(run, rank.number, rank.basis) for run, rank in found.items()]
    [('large', 1, 'intervals'), ('small', 1, 'intervals'), ('poor', 3, 'intervals')]
    >>> pair = {frozenset({"small", "large"}): 0.01}
    >>> ranks([small, large], pair, higher_is_better=True)["small"]
    Rank(number=2, shared=False, basis='test', against='large')
    """
    sign = -1 if higher_is_better else 1
    # Of equal values the one leads that others were tested against.
    pairs = Counter(run for pair in tested for run in pair)
    order = sorted(
        scored, key=lambda each: (each.value != each.value, sign * each.value, -pairs[each.run], each.run)
    )
    numbers: list[tuple[Scored, int, Basis, str]] = []
    best, number = None, 0
    for place, each in enumerate(order, 1):
        if best is None:
            best, number = each, 1
            numbers.append((each, 1, _alone(each), ""))
            continue
        apart, basis = told_apart(best, each, tested)
        numbers.append((each, place if apart else number, basis, best.run))
        if apart:
            best, number = each, place
    counts: dict[int, int] = {}
    for _, rank, _, _ in numbers:
        counts[rank] = counts.get(rank, 0) + 1
    return {each.run: Rank(rank, counts[rank] > 1, basis, against) for each, rank, basis, against in numbers}


def _alone(scored: Scored) -> Basis:
    return "value" if scored.low is None or scored.high is None else "intervals"


def told_apart(one: Scored, other: Scored, tested: Mapping[frozenset[str], float]) -> tuple[bool, Basis]:
    """Tell whether two scores differ by more than chance explains, and what says so.

    A paired test counts before everything else. Without one, the interval of the difference of two
    independent scores is built from their own intervals (Zou and Donner, 2008, "Construction of confidence
    limits about effect measures"), which is careful where both were judged on the same rows.

    >>> told_apart(Scored("a", 0.9, 0.86, 0.94), Scored("b", 0.85, 0.81, 0.89), {})
    (False, 'intervals')
    >>> told_apart(Scored("a", 0.9, 0.86, 0.94), Scored("b", 0.83, 0.79, 0.87), {})
    (True, 'intervals')
    """
    if (p_value := tested.get(frozenset({one.run, other.run}))) is not None:
        return p_value < SIGNIFICANT, "test"
    upper, lower = (one, other) if one.value >= other.value else (other, one)
    if upper.low is None or lower.high is None:
        return one.value != other.value and not (
            one.value != one.value and other.value != other.value
        ), "value"
    reach = sqrt(max(0.0, upper.value - upper.low) ** 2 + max(0.0, lower.high - lower.value) ** 2)
    return upper.value - lower.value > reach, "intervals"
