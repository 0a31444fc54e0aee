"""Classification: accuracy, precision, recall, F1, Matthews correlation, kappa, from confusion cells.

Labels are compared by equality: "1" is not 1. Where a score is averaged over labels, they are those that
occur in predictions or references, as in scikit-learn, the reference implementation of everything here.
`average` says how: `macro` (every label counts alike, however rare), `weighted` (by its rows), `micro` (all
rows together: with one label a row, that is accuracy), or `binary` (the one label named by `positive`).
A label never predicted has precision 0, one without rows recall 0. Each label's scores are in the
`per_class` table. HF evaluate's default is `binary`; here it is `macro`, and the key says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.categories import encoded
from tasks.metrics.contract import Measurement
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import Cells, FloatArray, IntArray

_SMALL_TABLE = 1_000_000
"""Cells of a confusion matrix up to which counting them all beats sorting the rows."""

Average = Literal["macro", "micro", "weighted", "binary"]


@dataclass(frozen=True)
class Confusion:
    """The occupied cells of a confusion matrix.

    Attributes:
        labels: The labels that occur, sorted.
        right: Of each occupied cell, the position of the right label, shape (cells,).
        predicted: Of each occupied cell, the position of the predicted label, shape (cells,).
        cells: Which cell each row falls in.
    """

    labels: tuple[Any, ...]
    right: IntArray
    predicted: IntArray
    cells: Cells

    def by_right(self, totals: FloatArray) -> FloatArray:
        """Rows of each right label: totals (..., cells) -> (..., labels)."""
        return _summed(totals, self.right, len(self.labels))

    def by_predicted(self, totals: FloatArray) -> FloatArray:
        """Rows of each predicted label: totals (..., cells) -> (..., labels)."""
        return _summed(totals, self.predicted, len(self.labels))

    def hits(self, totals: FloatArray) -> FloatArray:
        """Rows of each label predicted rightly: totals (..., cells) -> (..., labels)."""
        on_diagonal = self.right == self.predicted
        return _summed(totals[..., on_diagonal], self.right[on_diagonal], len(self.labels))


def _summed(totals: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Add up the last axis by group; the work is in proportion to the occupied cells."""
    summed = np.zeros((*totals.shape[:-1], groups))
    if group.size:
        if (group[1:] < group[:-1]).any():
            order = np.argsort(group, kind="stable")
            group, totals = group[order], np.take(totals, order, axis=-1)
        present, starts = np.unique(group, return_index=True)
        summed[..., present] = np.add.reduceat(totals, starts, axis=-1)
    return summed


def tabulate(predictions: Sequence[Any], references: Sequence[Any]) -> Confusion:
    """Sort rows into the cells of a confusion matrix.

    Raises:
        BadEvaluation: Lengths differ, there are no rows, or a label is missing.
    """
    check_lengths(predictions, references)
    labels, predicted, right = encoded(predictions, references)
    cell = right * len(labels) + predicted
    if len(labels) ** 2 <= _SMALL_TABLE:
        occupied = np.flatnonzero(np.bincount(cell, minlength=len(labels) ** 2))
        number = np.zeros(len(labels) ** 2, dtype=np.int64)
        number[occupied] = np.arange(len(occupied))
        index = number[cell]
    else:
        occupied, index = np.unique(cell, return_inverse=True)
    return Confusion(
        labels, occupied // len(labels), occupied % len(labels), Cells(index.astype(np.int64), len(occupied))
    )


def confusion(predictions: Sequence[Any], references: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the labels that occur and the counts, shape (labels, labels), right by predicted.

    >>> confusion(["a", "b", "b"], ["a", "a", "b"])[1].tolist()
    [[1, 1], [0, 1]]
    """
    table = tabulate(predictions, references)
    matrix = np.zeros((len(table.labels), len(table.labels)), dtype=np.int64)
    matrix[table.right, table.predicted] = table.cells.total().astype(np.int64)
    return list(table.labels), matrix


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; nothing by nothing is 0, as in the reference implementation."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)


def _one(key: str, table: Confusion, score: Callable[[FloatArray], FloatArray]) -> Measurement:
    return Measurement(table.cells, lambda totals: {key: score(totals)}, {key: True})


def accuracy(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Share of rows whose label is predicted rightly, 0 to 1.

    Key: `accuracy`. Where one label has most rows, always guessing it scores high: look at
    `balanced_accuracy` or macro F1 beside it. Reference: sklearn.metrics.accuracy_score.
    """
    table = tabulate(predictions, references)
    key = "accuracy"
    return Measurement(
        table.cells,
        lambda totals: {key: table.hits(totals).sum(-1) / totals.sum(-1)},
        {key: True},
        proportions={key: 1.0},
    )


def balanced_accuracy(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Mean recall over the labels that occur in the references, 0 to 1.

    Key: `balanced_accuracy`. Guessing scores 1 by the number of labels, however uneven they are. Reference:
    sklearn.metrics.balanced_accuracy_score.
    """
    table = tabulate(predictions, references)

    def score(totals: FloatArray) -> FloatArray:
        there = table.by_right(totals)
        return np.asarray(_ratio(table.hits(totals), there).sum(-1) / (there > 0).sum(-1))

    return _one("balanced_accuracy", table, score)


def matthews_correlation(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Correlation of predicted and right labels, -1 to 1; 0 where either is constant.

    Key: `matthews_correlation`. Near 0 for every guess that does not look at the row. Source: Gorodkin
    (2004). Reference: sklearn.metrics.matthews_corrcoef.
    """
    table = tabulate(predictions, references)

    def score(totals: FloatArray) -> FloatArray:
        rows = totals.sum(-1)
        right, predicted = table.by_right(totals), table.by_predicted(totals)
        shared = table.hits(totals).sum(-1) * rows - (right * predicted).sum(-1)
        spread = (rows**2 - (right**2).sum(-1)) * (rows**2 - (predicted**2).sum(-1))
        return _ratio(shared, np.sqrt(spread))

    return _one("matthews_correlation", table, score)


def cohen_kappa(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Agreement beyond chance, at most 1; undefined (NaN) where one label is all there is.

    Key: `cohen_kappa`. Source: Cohen (1960). Reference: sklearn.metrics.cohen_kappa_score.
    """
    table = tabulate(predictions, references)

    def score(totals: FloatArray) -> FloatArray:
        rows = totals.sum(-1)
        agreed = table.hits(totals).sum(-1) / rows
        chance = (table.by_right(totals) * table.by_predicted(totals)).sum(-1) / rows**2
        undefined = np.full(np.shape(chance), np.nan)
        return np.asarray(np.divide(agreed - chance, 1 - chance, out=undefined, where=chance != 1))

    return _one("cohen_kappa", table, score)


def precision(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "macro",
    positive: Any = None,
) -> Measurement:
    """Share of a label's predictions that are right, averaged over labels, 0 to 1.

    Key: `precision_macro` and so on, by `average`. With `average: binary`, `positive` names the label that
    counts; without it, it is 1 where the labels are 0 and 1. Reference: sklearn.metrics.precision_score.
    """
    return _averaged("precision", predictions, references, average, positive)


def recall(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "macro",
    positive: Any = None,
) -> Measurement:
    """Share of a label's rows that are found, averaged over labels, 0 to 1.

    Key: `recall_macro` and so on, by `average`. With `average: binary`, `positive` names the label that
    counts; without it, it is 1 where the labels are 0 and 1. Reference: sklearn.metrics.recall_score.
    """
    return _averaged("recall", predictions, references, average, positive)


def f1(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "macro",
    positive: Any = None,
) -> Measurement:
    """Harmonic mean of precision and recall, averaged over labels, 0 to 1.

    Key: `f1_macro` and so on, by `average`. With `average: binary`, `positive` names the label that counts;
    without it, it is 1 where the labels are 0 and 1. Macro F1 is the mean of the labels' F1, not the F1 of
    mean precision and recall. Reference: sklearn.metrics.f1_score.
    """
    return _averaged("f1", predictions, references, average, positive)


def _per_label(table: Confusion, totals: FloatArray) -> dict[str, FloatArray]:
    hits, right, predicted = table.hits(totals), table.by_right(totals), table.by_predicted(totals)
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, right),
        "f1": _ratio(2 * hits, right + predicted),
    }


def _averaged(
    name: str, predictions: Sequence[Any], references: Sequence[Any], average: Average, positive: Any
) -> Measurement:
    table = tabulate(predictions, references)
    key = f"{name}_{average}"
    chosen = _position_of(positive, table.labels) if average == "binary" else -1

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        if average == "micro":
            # Every row has one right and one predicted label, so all three equal accuracy.
            return {key: table.hits(totals).sum(-1) / totals.sum(-1)}
        values = _per_label(table, totals)[name]
        if average == "binary":
            return {key: values[..., chosen]}
        right = table.by_right(totals)
        if average == "weighted":
            return {key: _ratio((values * right).sum(-1), right.sum(-1))}
        occurring = (right + table.by_predicted(totals)) > 0
        return {key: _ratio(values.sum(-1), occurring.sum(-1).astype(np.float64))}

    return Measurement(
        table.cells,
        score,
        {key: True},
        details={"per_class": _details(table)},
        proportions={key: 1.0} if average == "micro" else {},
    )


def _position_of(positive: Any, labels: Sequence[Any]) -> int:
    wanted = 1 if positive is None and set(labels) <= {0, 1} else positive
    if wanted is None:
        raise BadEvaluation(
            f"Binary averaging needs to know which label counts: give positive, one of "
            f"{', '.join(map(str, labels))}."
        )
    if wanted not in labels:
        raise unknown("label", str(wanted), map(str, labels))
    return labels.index(wanted)


def _details(table: Confusion) -> list[dict[str, object]]:
    totals = table.cells.total()
    values = _per_label(table, totals)
    support = table.by_right(totals)
    return [
        {
            "label": str(label),
            **{name: float(values[name][number]) for name in ("precision", "recall", "f1")},
            "support": int(support[number]),
        }
        for number, label in enumerate(table.labels)
    ]
