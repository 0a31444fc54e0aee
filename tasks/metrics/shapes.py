"""Checks of what metrics are given: equal length, not empty."""

from __future__ import annotations

from collections.abc import Sized

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
