"""The shapes of what metrics are given: equal length, not empty; one model's rows after another's."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation

OF_ROWS = frozenset({"sources"})
"""Arguments of metrics that go with the rows."""


def check_lengths(predictions: Sized, references: Sized) -> None:
    """Refuse predictions and references that do not pair up.

    Raises:
        BadEvaluation: They differ in length, or there are none.

    >>> check_lengths([1], [1, 2])
    Traceback (most recent call last):
    tasks.errors.BadEvaluation: There are 1 predictions and 2 references; a metric needs one of each a row.
    """
    if len(predictions) != len(references):
        raise BadEvaluation(
            f"There are {len(predictions)} predictions and {len(references)} references; "
            "a metric needs one of each a row."
        )
    if len(references) == 0:
        raise BadEvaluation("There are no rows to score.")


def joined_rows(one: Sequence[Any], other: Sequence[Any]) -> Sequence[Any]:
    """Lay the rows of two models end to end.

    >>> joined_rows(["a"], ["b"])
    ['a', 'b']
    """
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.concatenate([one, other])
    return [*one, *other]


def numbers(
    predictions: Sequence[Any], references: Sequence[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return numbers of rows, each of shape (rows, outputs).

    Raises:
        BadEvaluation: Lengths or outputs differ, something is no number, or one is NaN or infinite.

    >>> numbers([1, 2], [1.5, 2.5])[1].shape
    (2, 1)
    """
    check_lengths(predictions, references)
    found = []
    for what, values in (("predictions", predictions), ("references", references)):
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise BadEvaluation(f"Some {what} are not numbers, or rows have not equally many.") from None
        if array.ndim > 2:
            raise BadEvaluation(f"Rows of numbers have one or two dimensions; the {what} have {array.ndim}.")
        array = array.reshape(len(array), -1)
        if (off := np.flatnonzero(~np.isfinite(array).all(axis=1))).size:
            raise BadEvaluation(f"Row {off[0]} of the {what} is missing, NaN or infinite.")
        found.append(array)
    if found[0].shape != found[1].shape:
        raise BadEvaluation(
            f"A row has {found[0].shape[1]} predicted numbers and {found[1].shape[1]} right ones."
        )
    return found[0], found[1]
