"""Several labels a row: subset accuracy, Hamming loss, F1, ranking precision.

A row is a set of labels (any collection of them), or a list of 0 and 1, one for each label in a fixed order,
as scikit-learn and HF evaluate's `multilabel` configurations have it. Rows are read as 0 and 1 where all are
of one length and hold nothing else; sets of the labels 0 and 1 must be given as Python sets. `labels` names
all labels there are, so that one that never occurs counts too. `average` is `macro` (every label counts
alike), `weighted` (by its rows), `micro` (all yes-or-no answers together) or `samples` (every row alike).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.means import mean_of_rows, share_of_rows
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums

_BLOCK = 1_000_000
"""Scores that are ranked at a time."""

Average = Literal["micro", "macro", "weighted", "samples"]


@dataclass(frozen=True)
class LabelSets:
    """Which labels rows have: `given` and `right` of shape (rows, labels), 0 or 1."""

    labels: tuple[Any, ...]
    given: FloatArray
    right: FloatArray


def label_sets(
    predictions: Sequence[Any], references: Sequence[Any], labels: Sequence[Any] | None = None
) -> LabelSets:
    """Read sets of labels.

    Args:
        predictions: The labels predicted of each row.
        references: The right labels of each row.
        labels: All labels there are; without them those that occur, or the columns of 0 and 1.

    Raises:
        BadEvaluation: Lengths differ, there are no rows or no labels, or a row is no set of labels.
        UnknownName: A label is not among `labels`.

    >>> label_sets([["a"], []], [["a", "b"], ["b"]]).given.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    check_lengths(predictions, references)
    rows = [*predictions, *references]
    for number, row in enumerate(rows):
        if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
            raise BadEvaluation(
                f"Row {number % len(predictions)} is {row!r}; a row is a set of labels, or a list of 0 and 1."
            )
    columns = _indicators(rows)
    if columns is not None:
        named = tuple(labels) if labels is not None else tuple(range(columns.shape[1]))
        if len(named) != columns.shape[1]:
            raise BadEvaluation(f"Rows have {columns.shape[1]} columns, and there are {len(named)} labels.")
        matrix = columns
    else:
        named = tuple(labels) if labels is not None else _sorted({label for row in rows for label in row})
        if not named:
            raise BadEvaluation("No row has any label, so there is nothing to score.")
        place = {label: number for number, label in enumerate(named)}
        matrix = np.zeros((len(rows), len(named)))
        for number, row in enumerate(rows):
            for label in row:
                if label not in place:
                    raise unknown("label", str(label), map(str, named))
                matrix[number, place[label]] = 1
    return LabelSets(named, matrix[: len(predictions)], matrix[len(predictions) :])


def _indicators(rows: Sequence[Any]) -> FloatArray | None:
    """Return rows as a matrix of 0 and 1, None where they are sets of labels."""
    if any(isinstance(row, set | frozenset) for row in rows) or len({len(row) for row in rows}) != 1:
        return None
    if not len(rows[0]) or any(isinstance(each, str) for each in rows[0]):
        return None
    matrix = np.asarray(rows)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf" or not np.isin(matrix, (0, 1)).all():
        return None
    return matrix.astype(np.float64)


def _sorted(distinct: set[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(distinct))
    except TypeError:
        return tuple(sorted(distinct, key=str))


def subset_accuracy(
    predictions: Sequence[Any], references: Sequence[Any], labels: Sequence[Any] | None = None
) -> Measurement:
    """Share of rows whose labels are all predicted and no others, 0 to 1.

    Key: `subset_accuracy`. Reference: sklearn.metrics.accuracy_score on indicator matrices.
    """
    sets = label_sets(predictions, references, labels)
    return share_of_rows("subset_accuracy", (sets.given == sets.right).all(axis=1))


def hamming_loss(
    predictions: Sequence[Any], references: Sequence[Any], labels: Sequence[Any] | None = None
) -> Measurement:
    """Share of all rows' yes-or-no answers, one a label, that are wrong, 0 to 1; 0 is perfect.

    Key: `hamming_loss`. It falls with every label that is rare, so it says something only beside the loss
    of predicting nothing. Without `labels`, sets have the labels that occur. Reference:
    sklearn.metrics.hamming_loss.
    """
    sets = label_sets(predictions, references, labels)
    return mean_of_rows("hamming_loss", (sets.given != sets.right).mean(axis=1), higher_is_better=False)


def multilabel_f1(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Average = "macro",
    labels: Sequence[Any] | None = None,
) -> Measurement:
    """Harmonic mean of precision and recall over labels, or over rows (`samples`), 0 to 1.

    Key: `multilabel_f1_macro` and so on, by `average`. A label (or, for `samples`, a row) that is neither
    predicted nor right counts 0. Reference: sklearn.metrics.f1_score on indicator matrices.
    """
    sets = label_sets(predictions, references, labels)
    key = f"multilabel_f1_{average}"
    hits, both = sets.given * sets.right, sets.given + sets.right
    details = {"per_label": _details(sets)}
    if average == "samples":
        values = _ratio(2 * hits.sum(axis=1), both.sum(axis=1))
        return mean_of_rows(key, values, details=details)
    if average == "micro":
        sums = np.stack([hits.sum(axis=1), both.sum(axis=1)], axis=1)
        return Measurement(
            Sums(sums), lambda totals: {key: _ratio(2 * totals[..., 0], totals[..., 1])}, {key: True}, details
        )
    count = len(sets.labels)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        values = _ratio(2 * totals[..., :count], totals[..., count : 2 * count])
        if average == "macro":
            return {key: values.mean(-1)}
        support = totals[..., 2 * count :]
        return {key: _ratio((values * support).sum(-1), support.sum(-1))}

    columns = [hits, both] if average == "macro" else [hits, both, sets.right]
    return Measurement(Sums(np.concatenate(columns, axis=1)), score, {key: True}, details)


def label_ranking_average_precision(
    predictions: Sequence[Any], references: Sequence[Any], labels: Sequence[Any] | None = None
) -> Measurement:
    """For each right label of a row, the share of right ones among labels scored as high; 1 is perfect.

    Key: `label_ranking_average_precision`; above 0. Predictions are scores: a mapping from label to score a
    row, or a number for each label. A row in which every label is right, or none, counts 1. Source:
    Tsoumakas, Katakis and Vlahavas (2010). Reference:
    sklearn.metrics.label_ranking_average_precision_score.

    Raises:
        BadEvaluation: A score is missing, or rows have not one score a label.
    """
    check_lengths(predictions, references)
    named = labels
    if named is None and isinstance(predictions[0], Mapping):
        named = _sorted({label for row in predictions for label in row})
    right = label_sets(references, references, named)
    try:
        if isinstance(predictions[0], Mapping):
            scores = np.array([[row[label] for label in right.labels] for row in predictions], dtype=float)
        else:
            scores = np.asarray(predictions, dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        raise BadEvaluation(
            f"A row needs one score for each of the {len(right.labels)} labels; some lack a score."
        ) from None
    if scores.shape != right.right.shape or not np.isfinite(scores).all():
        raise BadEvaluation(
            f"Scores have the shape {scores.shape} and labels {right.right.shape}; "
            "a row needs one finite score a label."
        )
    block = max(1, _BLOCK // len(right.labels))
    values = np.concatenate(
        [
            _ranked(scores[start : start + block], right.right[start : start + block])
            for start in range(0, len(scores), block)
        ]
    )
    return mean_of_rows("label_ranking_average_precision", values)


def _ranked(scores: FloatArray, right: FloatArray) -> FloatArray:
    """Return the ranking precision of each row, shape (rows,)."""
    labels = scores.shape[1]
    order = np.argsort(-scores, axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    hit = np.take_along_axis(right, order, axis=1)
    is_end = np.append(ordered[:, 1:] != ordered[:, :-1], np.ones((len(scores), 1), dtype=bool), axis=1)
    # Of labels with the same score each counts all of them: those up to the last one.
    last = np.where(is_end, np.arange(labels), labels)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    right_as_high = np.take_along_axis(np.cumsum(hit, axis=1), last, axis=1)
    count = hit.sum(axis=1)
    summed = (hit * right_as_high / (last + 1)).sum(axis=1)
    none_or_all = (count == 0) | (count == labels)
    return np.where(none_or_all, 1.0, summed / np.where(none_or_all, 1.0, count))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; nothing by nothing is 0, as in the reference implementation."""
    above, below = np.asarray(above), np.asarray(below)
    return np.divide(above, below, out=np.zeros(below.shape), where=below != 0)


def _details(sets: LabelSets) -> list[dict[str, object]]:
    hits = (sets.given * sets.right).sum(axis=0)
    given, right = sets.given.sum(axis=0), sets.right.sum(axis=0)
    values = {
        "precision": _ratio(hits, given),
        "recall": _ratio(hits, right),
        "f1": _ratio(2 * hits, given + right),
    }
    return [
        {
            "label": str(label),
            **{name: float(column[number]) for name, column in values.items()},
            "support": int(right[number]),
        }
        for number, label in enumerate(sets.labels)
    ]
