"""Comparing two models on the same rows, by a paired bootstrap of their statistics.

Nothing is predicted or read again: what was measured of each model is enough, also when the runs are weeks
apart (`on_shared_rows` lines them up by row). Sources: Efron and Tibshirani (1993), chapter 16; Koehn (2004),
Statistical Significance Tests for Machine Translation Evaluation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation, listing
from tasks.metrics.contract import Measurement
from tasks.metrics.effects import effect_size, row_scores
from tasks.metrics.intervals import (
    JACKKNIFED,
    MANY,
    influence_error,
    joined,
    numbered,
    standard_error,
    student_reach,
)
from tasks.metrics.power import detectable_difference
from tasks.metrics.resampling import drawn_weights
from tasks.metrics.significance import holm, mcnemar, wilcoxon
from tasks.metrics.statistics import Cells, FloatArray, Statistics, Sums, Weighted

__all__ = ["Difference", "holm", "on_shared_rows", "paired", "row_tested"]

Scores = dict[str, FloatArray]


@dataclass(frozen=True)
class Difference:
    """One model's score minus another's, with its interval and a two-sided p-value.

    Attributes:
        value: The difference.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end of its interval; NaN where there is none.
        p_value: Of the test that both models are equally good.
        test: Which test.
        effect: The size of the effect in standard units; None where there is no such measure of this score.
        effect_name: Which measure: `cohen_h` of two shares of rows, `cohen_dz` of scores that are a mean of
            rows. Customarily 0.2 is small, 0.5 medium, 0.8 large.
        detectable: The smallest difference that these rows would show with a chance of 80%.
    """

    value: float
    low: float
    high: float
    p_value: float
    test: str = "paired bootstrap"
    effect: float | None = None
    effect_name: str | None = None
    detectable: float | None = None


def paired(
    one: Measurement,
    other: Measurement,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Difference]:
    """Return the difference of every score the two share, by a paired bootstrap over rows.

    Each bootstrap sample draws the same rows for both. The p-value is twice the smaller share of samples on
    the far side of zero, one added to count and samples so that it is never zero. Where more than 200,000
    rows do not add up (areas under curves, rank correlations), the jackknife takes the bootstrap's place.

    Args:
        one: What was measured of one model.
        other: What was measured of the other, on the same rows in the same order.
        level: Confidence level of the interval; one minus it is the level of `detectable`.
        resamples: Bootstrap samples.
        seed: Seed of the samples.
        groups: What each row belongs to; rows of a group are drawn together.

    Raises:
        BadEvaluation: The two were not measured on the same number of rows, or groups do not pair up.
    """
    rows = one.statistics.rows
    if rows != other.statistics.rows:
        raise BadEvaluation(
            "Two models can be compared on the same rows only; "
            f"these have {rows} and {other.statistics.rows}."
        )
    if resamples < 1:
        raise BadEvaluation(f"A comparison needs 1 bootstrap sample or more, not {resamples}.")
    resamples = other.affordable(one.affordable(resamples))
    left, right = one.statistics, other.statistics
    if groups is not None:
        number = numbered(groups, rows)
        left, right = left.clustered(number), right.clustered(number)
    points = _difference(one.score(one.statistics.total()), other.score(other.statistics.total()))
    if isinstance(left, Weighted) and isinstance(right, Weighted) and left.units > MANY:
        return _by_jackknife(one, other, (left, right), points, level)
    pairs = _drawn_alike(left, right, resamples, np.random.default_rng(seed))
    drawn = joined([_difference(one.score(a), other.score(b)) for a, b in pairs])
    found = {}
    for key, value in points.items():
        defined = drawn[key][np.isfinite(drawn[key])]
        if defined.size < 2 or not np.isfinite(value):
            found[key] = Difference(float(value), float("nan"), float("nan"), 1.0)
            continue
        name, effect = effect_size(one, other, key)
        found[key] = replace(
            _by_bootstrap(float(value), defined, level),
            effect=effect,
            effect_name=name,
            detectable=detectable_difference(float(defined.std(ddof=1)), alpha=1 - level),
        )
    return found


def on_shared_rows(
    one: Measurement, rows_of_one: Sequence[int], other: Measurement, rows_of_other: Sequence[int]
) -> tuple[Measurement, Measurement, list[int]]:
    """Return two measurements narrowed to the rows both were measured on, in one order, and those rows.

    Args:
        one: What was measured of one model.
        rows_of_one: The number of each of its rows in the dataset.
        other: What was measured of the other.
        rows_of_other: The number of each of its rows.

    Raises:
        BadEvaluation: They share no row, or a measurement has not one number a row, or a number comes twice.
    """
    for measured, numbers in ((one, rows_of_one), (other, rows_of_other)):
        if measured.statistics.rows != len(numbers) or len(set(numbers)) != len(numbers):
            raise BadEvaluation(
                f"Each of the {measured.statistics.rows} rows measured needs a number of its own; "
                f"there are {len(numbers)}, of which {len(set(numbers))} differ."
            )
    shared, first, second = np.intersect1d(
        np.asarray(rows_of_one), np.asarray(rows_of_other), assume_unique=True, return_indices=True
    )
    if not len(shared):
        raise BadEvaluation("The two models were measured on no row in common.")
    if isinstance(one.statistics, Weighted) and not (
        (np.diff(first) > 0).all() and (np.diff(second) > 0).all()
    ):
        raise BadEvaluation("Rows must be numbered in rising order where statistics do not add up.")
    return (
        replace(one, statistics=one.statistics.select(first)),
        replace(other, statistics=other.statistics.select(second)),
        shared.tolist(),
    )


def _difference(one: Scores, other: Scores) -> Scores:
    return {key: np.asarray(one[key] - other[key]) for key in one if key in other}


def _by_bootstrap(value: float, drawn: FloatArray, level: float) -> Difference:
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Difference(value, float(low), float(high), min(1.0, 2 * (beyond + 1) / (drawn.size + 1)))


def _by_jackknife(
    one: Measurement, other: Measurement, units: tuple[Weighted, Weighted], points: Scores, level: float
) -> dict[str, Difference]:
    """Return differences with the spread of leaving rows out: each by its influence, or groups in turn."""
    from scipy.special import stdtr

    left, right = units
    if one.influence is not None and other.influence is not None:
        moved = _difference(one.influence(one.statistics.total()), other.influence(other.statistics.total()))
        spreads = {key: influence_error(left, values) for key, values in moved.items()}
        groups = left.units
    else:
        totals = zip(left.left_out(JACKKNIFED), right.left_out(JACKKNIFED), strict=True)
        drawn = joined([_difference(one.score(a), other.score(b)) for (a, _), (b, _) in totals])
        spreads = {key: standard_error(values) for key, values in drawn.items()}
        groups = JACKKNIFED
    found = {}
    for key, each in points.items():
        value, spread = float(each), spreads[key]
        if not (np.isfinite(value) and np.isfinite(spread)):
            found[key] = Difference(value, float("nan"), float("nan"), 1.0)
            continue
        reach = student_reach(spread, groups, level)
        p_value = 2 * float(stdtr(groups - 1, -abs(value) / spread)) if spread > 0 else 1.0
        found[key] = Difference(
            value,
            value - reach,
            value + reach,
            p_value,
            test="paired jackknife",
            detectable=detectable_difference(spread, alpha=1 - level),
        )
    return found


def _drawn_alike(
    left: Statistics, right: Statistics, count: int, generator: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield totals of both over the same drawn rows, in blocks."""
    if isinstance(left, Cells) and isinstance(right, Cells):
        pairs, joint = np.unique(left.index * right.cells + right.index, return_inverse=True)
        for drawn in Cells(joint, len(pairs)).blocks(count, generator):
            yield (
                _gathered(drawn, pairs // right.cells, left.cells),
                _gathered(drawn, pairs % right.cells, right.cells),
            )
    elif isinstance(left, Sums) and isinstance(right, Sums):
        for drawn in Sums(np.concatenate([left.values, right.values], axis=1)).blocks(count, generator):
            yield drawn[:, : left.width], drawn[:, left.width :]
    else:
        for weights in drawn_weights(left.units, count, generator):
            yield left.weighed(weights), right.weighed(weights)


def _gathered(counts: FloatArray, cell: np.ndarray, cells: int) -> FloatArray:
    """Add up counts of joint cells, shape (samples, joint), into cells, shape (samples, cells)."""
    gathered = np.zeros((cells, counts.shape[0]))
    np.add.at(gathered, cell, counts.T)
    return gathered.T


def row_tested(
    one: Measurement,
    other: Measurement,
    test: Literal["mcnemar", "wilcoxon"],
    groups: Sequence[Hashable] | None = None,
) -> dict[str, float]:
    """Return p-values from the scores of single rows, by score key.

    Raises:
        BadEvaluation: The test does not fit: McNemar's takes plain shares of rows, Wilcoxon's scores that
            every row has, and both independent rows.
    """
    if groups is not None:
        raise BadEvaluation(
            "McNemar's and Wilcoxon's tests take rows as independent; "
            "test rows in groups by bootstrap or randomisation."
        )
    shared = [key for key in one.higher_is_better if key in other.higher_is_better]
    if test == "wilcoxon":
        return {key: wilcoxon(row_scores(one, key), row_scores(other, key)) for key in shared}
    found = {}
    for key in shared:
        if key in one.proportions and key in other.proportions:
            hit = [row_scores(each, key) > each.proportions[key] / 2 for each in (one, other)]
            found[key] = mcnemar(int((hit[0] & ~hit[1]).sum()), int((hit[1] & ~hit[0]).sum()))
    if not found:
        raise BadEvaluation(
            f"McNemar's test is for plain shares of rows, as accuracy, and {listing(shared)} is none."
        )
    return found
