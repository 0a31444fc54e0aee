"""The shapes of what metrics are given: equal length, not empty; one model's rows after another's."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation


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
