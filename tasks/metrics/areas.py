"""Areas under curves: ROC AUC and average precision, of scores that rank rows.

Only the order of scores counts, so logits do as well as probabilities. Shapes are those of
`tasks.metrics.distributions`. An area does not add up over rows: its statistics are the rows' weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.distributions import Distributions, distributions
from tasks.metrics.ranks import Order, steps
from tasks.metrics.statistics import FloatArray, Weighted

Average = Literal["auto", "binary", "macro", "weighted"]
Area = Callable[[FloatArray, np.ndarray], Callable[[FloatArray], FloatArray]]


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
    if average == "binary":
        column = _column(given, positive)
        binary = area(given.matrix[:, column], given.right == column)
        return Measurement(
            Weighted.every(len(given.right)), lambda weights: {name: binary(weights)}, {name: True}
        )
    if given.binary:
        raise BadEvaluation(
            f"One score a row is of one label, so '{average}' has nothing to average: give scores of each."
        )
    there = np.unique(given.right)
    hits = (given.right[:, None] == there).astype(np.float64)
    areas = [area(given.matrix[:, column], given.right == column) for column in there]
    key = f"{name}_{average}"

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        values = np.stack([each(weights) for each in areas], axis=-1)
        counts = np.isfinite(values) * (weights @ hits if average == "weighted" else 1.0)
        whole = counts.sum(-1)
        summed = (np.nan_to_num(values) * counts).sum(-1)
        return {key: _over(summed, whole)}

    return Measurement(Weighted.every(len(given.right)), score, {key: True})


def _column(given: Distributions, positive: Any) -> int:
    if given.binary:
        return 1
    if positive is None:
        raise BadEvaluation("A binary average needs to know which label counts: give positive.")
    if positive not in given.labels:
        raise unknown("label", str(positive), map(str, given.labels))
    return given.labels.index(positive)


def _roc(scores: FloatArray, hit: np.ndarray) -> Callable[[FloatArray], FloatArray]:
    order = Order(scores)
    hits = hit[order.rows].astype(np.float64)
    misses = 1 - hits

    def area(weights: FloatArray) -> FloatArray:
        in_order = np.take(weights, order.rows, axis=-1)
        below = order.up_to(in_order * misses)
        if order.distinct:
            won = np.einsum("...i,i,...i->...", in_order, hits, below)
        else:
            # Rows with the same score count half: the mean of what is below with them and without.
            positive = steps(order.up_to(in_order * hits))
            won = np.einsum("...i,...i->...", positive, below - steps(below) / 2)
        missed = below[..., -1]
        return _over(won, (in_order.sum(-1) - missed) * missed)

    return area


def _precision(scores: FloatArray, hit: np.ndarray) -> Callable[[FloatArray], FloatArray]:
    order = Order(-scores)
    hits = hit[order.rows].astype(np.float64)

    def area(weights: FloatArray) -> FloatArray:
        in_order = np.take(weights, order.rows, axis=-1)
        found, taken = order.up_to(in_order * hits), order.up_to(in_order)
        precision = np.divide(found, taken, out=np.zeros(taken.shape), where=taken > 0)
        return _over(np.einsum("...i,...i->...", steps(found), precision), found[..., -1])

    return area


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; by nothing is undefined (NaN)."""
    above, below = np.asarray(above), np.asarray(below)
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0))
