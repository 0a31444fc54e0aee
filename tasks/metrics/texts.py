"""Texts as metrics take them: one prediction a row, and one reference or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, IntArray

References = Sequence[str] | Sequence[Sequence[str]]
"""One reference a row, or a list of them for each row."""

Tokenize = Callable[[str], Sequence[str]]


def several(predictions: Sequence[str], references: References) -> list[list[str]]:
    """Return the references of each row as a list, once everything is seen to be text.

    Raises:
        BadEvaluation: Lengths differ, something is not text, or a row has no reference.

    >>> several(["a", "b"], ["x", ["y", "z"]])
    [['x'], ['y', 'z']]
    """
    check_lengths(predictions, references)
    for row, text in enumerate(predictions):
        if not isinstance(text, str):
            raise BadEvaluation(f"The prediction of row {row} is not text but {_kind(text)}.")
    return [_listed(row, number) for number, row in enumerate(references)]


def best_of(scores: FloatArray, row_of: IntArray) -> IntArray:
    """Return the position of the first best score among those of each row; every row has one.

    >>> best_of(np.array([0.5, 0.9, 0.9, 0.1]), np.array([0, 0, 0, 1]))
    array([1, 3])
    """
    order = np.lexsort((-scores, row_of))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = np.diff(row_of[order]) > 0
    return order[first]


def paired_off(rows: Sequence[Sequence[str]]) -> IntArray:
    """Return the row of each reference, references laid end to end.

    >>> paired_off([["a"], ["b", "c"]])
    array([0, 1, 1])
    """
    return np.repeat(np.arange(len(rows)), [len(row) for row in rows])


def _listed(row: object, number: int) -> list[str]:
    if isinstance(row, str):
        return [row]
    if not isinstance(row, (Sequence, np.ndarray)):
        raise BadEvaluation(f"The reference of row {number} is not text but {_kind(row)}.")
    if len(row) == 0:
        raise BadEvaluation(f"Row {number} has an empty list of references; a text metric needs one.")
    for text in row:
        if not isinstance(text, str):
            raise BadEvaluation(f"A reference of row {number} is not text but {_kind(text)}.")
    return list(row)


def _kind(value: object) -> str:
    return "missing (None)" if value is None else type(value).__name__
