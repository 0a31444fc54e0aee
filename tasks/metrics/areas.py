"""Areas under curves: ROC AUC and average precision, of scores that rank rows.

Only the order of scores counts, so logits do as well as probabilities. Predictions are one number a row (for
the label named by `positive`; 1 where the labels are 0 and 1), a mapping from label to number a row, or a
matrix whose columns `labels` names in order (without it they are the labels that occur, sorted). An area does
not add up over rows: its statistics are the rows' weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.distributions import Distributions, distributions
from tasks.metrics.ranks import Order, steps
from tasks.metrics.statistics import FloatArray, IntArray, Weighted

Average = Literal["auto", "binary", "macro", "weighted"]
Value = Callable[[FloatArray], FloatArray]
"""From weights of rows, shape (..., rows), to areas of shape (...), or from (rows,) to influences (rows,)."""

Area = Callable[[FloatArray, np.ndarray], tuple[Value, Value]]
"""From scores and hits to the area under the curve, and to how much each row's weight moves it."""


def roc_auc(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "auto",
    positive: Any = None,
    labels: Sequence[Any] | None = None,
) -> Measurement:
    """Chance that a row of the label has a higher score than a row of another, 0 to 1; 0.5 is guessing.

    Key: `roc_auc` of one label; `roc_auc_macro` or `roc_auc_weighted` (by rows) over each label against the
    rest. `average: auto` is binary for one score a row, else macro. Equal scores count half. Undefined (NaN)
    where all rows have one label; labels without rows have no part in an average. Sources: Hanley and McNeil
    (1982); Provost and Domingos (2000) for the rest. Reference: sklearn.metrics.roc_auc_score, one-vs-rest.
    """
    return _averaged("roc_auc", _roc, predictions, references, average, positive, labels)


def average_precision(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "auto",
    positive: Any = None,
    labels: Sequence[Any] | None = None,
) -> Measurement:
    """Precision averaged over the steps of recall, 0 to 1; guessing gives the label's share of rows.

    Key: `average_precision` of one label; `average_precision_macro` or `average_precision_weighted` (by
    rows) over each label against the rest. `average: auto` is binary for one score a row, else macro.
    Undefined (NaN) for a label without rows, which has no part in an average. Not interpolated. Of
    a few hundred rows the percentile interval lies a little too high (it covers 92% instead of 95%); `bca`
    does better. Reference: sklearn.metrics.average_precision_score.
    """
    return _averaged("average_precision", _precision, predictions, references, average, positive, labels)


def _averaged(
    name: str,
    area: Area,
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average,
    positive: Any,
    labels: Sequence[Any] | None,
) -> Measurement:
    given = distributions(predictions, references, labels, positive)
    if average == "auto":
        average = "binary" if given.binary else "macro"
    every = Weighted.every(len(given.right))
    if average == "binary":
        column = _column(given, positive)
        binary, moved = area(given.matrix[:, column], given.right == column)
        return Measurement(
            every,
            lambda weights: {name: binary(weights)},
            {name: True},
            influence=lambda weights: {name: moved(weights)},
        )
    if given.binary:
        raise BadEvaluation(
            f"One score a row is of one label, so '{average}' has nothing to average: give scores of each."
        )
    there = np.unique(given.right)
    columns = [given.right == column for column in there]
    areas = [
        area(np.ascontiguousarray(given.matrix[:, column]), hit)
        for column, hit in zip(there, columns, strict=True)
    ]
    key = f"{name}_{average}"

    def shares(weights: FloatArray, values: FloatArray) -> FloatArray:
        """Return what part each label has in the average, shape (..., labels)."""
        counts = np.isfinite(values).astype(np.float64)
        if average == "weighted":
            counts *= np.stack([weights @ hit.astype(np.float64) for hit in columns], axis=-1)
        return _over(counts, counts.sum(-1, keepdims=True))

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        values = np.stack([value(weights) for value, _ in areas], axis=-1)
        return {key: np.asarray((np.nan_to_num(values) * shares(weights, values)).sum(-1))}

    def influence(weights: FloatArray) -> dict[str, FloatArray]:
        values = np.array([value(weights) for value, _ in areas])
        share = shares(weights, values)
        mean = float((np.nan_to_num(values) * share).sum())
        whole = float(
            sum(weights @ hit for hit, value in zip(columns, values, strict=True) if value == value)
        )
        moved = np.zeros(weights.shape)
        for number, hit in enumerate(columns):
            if not share[number] > 0:
                continue
            moved += share[number] * areas[number][1](weights)
            if average == "weighted":
                moved += hit * ((values[number] - mean) / whole)
        return {key: moved}

    return Measurement(every, score, {key: True}, influence=influence)


def _column(given: Distributions, positive: Any) -> int:
    if given.binary:
        return 1
    if positive is None:
        raise BadEvaluation("A binary average needs to know which label counts: give positive.")
    if positive not in given.labels:
        raise unknown("label", str(positive), map(str, given.labels))
    return given.labels.index(positive)


def _roc(scores: FloatArray, hit: np.ndarray) -> tuple[Value, Value]:
    order = Order(scores)
    hits = hit[order.rows].astype(np.float64)
    misses = 1 - hits

    places = np.flatnonzero(hits)

    def area(weights: FloatArray) -> FloatArray:
        in_order = np.take(weights, order.rows, axis=-1)
        if order.distinct:
            hit_weights, found, taken, whole = _at(places, in_order)
            won = np.einsum("...i,...i->...", hit_weights, taken - found)
            return _over(won, found[..., -1] * (whole - found[..., -1]))
        # Rows with the same score count half: the mean of what is below with them and without.
        below = order.up_to(in_order * misses)
        positive = steps(order.up_to(in_order * hits))
        won = np.einsum("...i,...i->...", positive, below - steps(below) / 2)
        missed = below[..., -1]
        return _over(won, (in_order.sum(-1) - missed) * missed)

    def influence(weights: FloatArray) -> FloatArray:
        """Of DeLong, DeLong and Clarke-Pearson (1988): how many rows of the other kind a row is ahead of."""
        in_order = np.take(weights, order.rows)
        lost, found = order.up_to(in_order * misses), order.up_to(in_order * hits)
        value = float(area(weights))
        ahead = order.of_rows((lost - steps(lost) / 2) / lost[-1]) - value
        behind = order.of_rows(1 - (found - steps(found) / 2) / found[-1]) - value
        moved: FloatArray = np.where(hit, ahead / found[-1], behind / lost[-1])
        return moved

    return area, influence


def _precision(scores: FloatArray, hit: np.ndarray) -> tuple[Value, Value]:
    order = Order(-scores)
    hits = hit[order.rows].astype(np.float64)
    places = np.flatnonzero(hits)

    def area(weights: FloatArray) -> FloatArray:
        in_order = np.take(weights, order.rows, axis=-1)
        if order.distinct:
            hit_weights, found, taken, _ = _at(places, in_order)
            share = np.divide(found, taken, out=np.zeros(taken.shape), where=taken > 0)
            return _over(np.einsum("...i,...i->...", hit_weights, share), found[..., -1])
        found, taken = order.up_to(in_order * hits), order.up_to(in_order)
        precision = np.divide(found, taken, out=np.zeros(taken.shape), where=taken > 0)
        return _over(np.einsum("...i,...i->...", steps(found), precision), found[..., -1])

    def influence(weights: FloatArray) -> FloatArray:
        """By the quotient rule: a hit adds its own precision, and every row changes those after it."""
        in_order = np.take(weights, order.rows)
        found, taken = order.up_to(in_order * hits), order.up_to(in_order)
        precision = np.divide(found, taken, out=np.zeros(taken.shape), where=taken > 0)
        gained = np.divide(steps(found), taken, out=np.zeros(taken.shape), where=taken > 0)
        as_hit, as_any = _from_here_on(gained), _from_here_on(gained * precision)
        value = float(area(weights))
        of_hit = order.of_rows(precision + as_hit) - value
        moved: FloatArray = (np.where(hit, of_hit, 0.0) - order.of_rows(as_any)) / found[-1]
        return moved

    return area, influence


def _at(places: IntArray, in_order: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return weights at some places, sums of theirs and of all up to there, and the sum of all.

    With no place there is one of weight 0, so that sums have an end.
    """
    taken = np.cumsum(in_order, axis=-1)
    if not len(places):
        nothing = np.zeros((*in_order.shape[:-1], 1))
        return nothing, nothing, nothing, taken[..., -1]
    weights = np.take(in_order, places, axis=-1)
    return weights, np.cumsum(weights, axis=-1), np.take(taken, places, axis=-1), taken[..., -1]


def _from_here_on(values: FloatArray) -> FloatArray:
    return np.cumsum(values[::-1])[::-1]


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; by nothing is undefined (NaN)."""
    above, below = np.broadcast_arrays(above, below)
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0))
