"""Class probabilities of rows, from the shapes in which models and libraries give them.

One number a row is the probability (or any rising score) of the label that counts; a mapping a row is from
label to probability; a matrix has a row of probabilities a row, its columns named by `labels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation, listing, unknown
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, IntArray

_TOLERANCE = 1e-3
"""How far from 1 the probabilities of a row may add up, half precision allowed for."""


@dataclass(frozen=True)
class Distributions:
    """What a classifier says of rows.

    Attributes:
        labels: What the columns stand for.
        matrix: Probabilities or scores, shape (rows, labels).
        right: The column of each row's right label, shape (rows,).
        binary: Whether one number a row was given, for the second of two labels.
        smallest: The smallest probability above 0 that the numbers as given can tell from it.
    """

    labels: tuple[Any, ...]
    matrix: FloatArray
    right: IntArray
    binary: bool
    smallest: float

    def as_probabilities(self) -> Distributions:
        """Return the same, refusing what is no probability.

        Raises:
            BadEvaluation: A number is below 0 or above 1, or a row does not add up to 1.
        """
        outside = (self.matrix < -_TOLERANCE) | (self.matrix > 1 + _TOLERANCE)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise BadEvaluation(
                f"Row {row} gives {self.matrix[row, column]:g} as the probability of "
                f"'{self.labels[column]}'; a probability lies between 0 and 1."
            )
        whole = self.matrix.sum(axis=1)
        if (off := np.flatnonzero(np.abs(whole - 1) > _TOLERANCE)).size:
            raise BadEvaluation(
                f"The probabilities of row {off[0]} add up to {whole[off[0]]:g}, not to 1; "
                "this metric needs those of every label."
            )
        return self


def distributions(
    predictions: Sequence[Any],
    references: Sequence[Any],
    labels: Sequence[Any] | None = None,
    positive: Any = None,
) -> Distributions:
    """Read class probabilities.

    Args:
        predictions: One number a row, or one mapping from label to number a row (a label left out has 0), or
            a matrix.
        references: The right labels.
        labels: The columns' labels, for a matrix; without them, the columns are the labels that occur in the
            references, sorted, or 0, 1, 2 and so on.
        positive: The label that one number a row is for; 1 where the references are 0 and 1.

    Raises:
        BadEvaluation: Lengths differ, a number is missing, or columns and labels do not fit.
        UnknownName: A reference is no label there are numbers for.

    >>> distributions([{"a": 0.2, "b": 0.8}], ["b"]).labels
    ('a', 'b')
    """
    check_lengths(predictions, references)
    if any(label is None or label != label for label in references):
        raise BadEvaluation("A label is missing (None or NaN) among references.")
    right = references.tolist() if isinstance(references, np.ndarray) else list(references)
    if isinstance(predictions[0], Mapping):
        named = tuple(labels) if labels is not None else _sorted({key for row in predictions for key in row})
        place = {label: number for number, label in enumerate(named)}
        matrix = np.zeros((len(predictions), len(named)))
        for number, row in enumerate(predictions):
            for label, value in row.items():
                if label not in place:
                    raise unknown("label", str(label), map(str, named))
                matrix[number, place[label]] = np.nan if value is None else value
        return _placed(named, matrix, right, binary=False, smallest=float(np.finfo(np.float64).eps))
    try:
        given = np.asarray(predictions)
        smallest = float(np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps)
        numbers = given.astype(np.float64)
    except (TypeError, ValueError):
        raise BadEvaluation(
            "Probabilities are one number a row, one mapping from label to number a row, or a matrix with as "
            "many numbers in every row; these are something else."
        ) from None
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim == 1:
        named = _two(right, positive)
        return _placed(named, np.stack([1 - numbers, numbers], axis=1), right, binary=True, smallest=smallest)
    if numbers.ndim != 2:
        raise BadEvaluation(f"Probabilities of rows have one or two dimensions, these have {numbers.ndim}.")
    named = tuple(labels) if labels is not None else _columns(right, numbers.shape[1])
    if len(named) != numbers.shape[1] or len(set(named)) != len(named):
        raise BadEvaluation(
            f"There are {numbers.shape[1]} probabilities a row and {len(set(named))} different labels: "
            f"{listing(map(str, named))}."
        )
    return _placed(named, numbers, right, binary=False, smallest=smallest)


def _placed(
    labels: tuple[Any, ...], matrix: FloatArray, right: list[Any], *, binary: bool, smallest: float
) -> Distributions:
    if (off := np.flatnonzero(~np.isfinite(matrix).all(axis=1))).size:
        raise BadEvaluation(f"A probability of row {off[0]} is missing, NaN or infinite.")
    place = {label: number for number, label in enumerate(labels)}
    missing = next((label for label in right if label not in place), None)
    if missing is not None:
        raise unknown("label with a probability", str(missing), map(str, labels))
    index = np.fromiter((place[label] for label in right), dtype=np.int64, count=len(right))
    return Distributions(labels, matrix, index, binary, smallest)


def _sorted(distinct: set[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(distinct))
    except TypeError:
        return tuple(sorted(distinct, key=str))


def _two(right: list[Any], positive: Any) -> tuple[Any, Any]:
    """Return the label that does not count and the one that does."""
    distinct = set(right)
    if positive is None:
        if not distinct <= {0, 1}:
            raise BadEvaluation(
                "One number a row is the probability of the label that counts: give positive, one of "
                f"{listing(map(str, _sorted(distinct)))}."
            )
        positive = 1
    rest = _sorted(distinct - {positive})
    if len(rest) > 1:
        raise BadEvaluation(
            f"One number a row is for two labels, and there are {len(rest) + 1}: "
            f"{listing(map(str, (positive, *rest)))}; give a probability of each."
        )
    # With the positive label alone the other one has no name, and no row.
    return (rest[0] if rest else f"not {positive}", positive)


def _columns(right: list[Any], columns: int) -> tuple[Any, ...]:
    distinct = _sorted(set(right))
    if len(distinct) == columns:
        return distinct
    if set(distinct) <= set(range(columns)):
        return tuple(range(columns))
    raise BadEvaluation(
        f"There are {columns} probabilities a row and {len(distinct)} labels in the references: give labels, "
        "the columns' names in order."
    )
