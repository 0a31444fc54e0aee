"""Labels as numbers: the distinct labels of two columns, and of each row the position of its label.

Labels are equal as Python has it: 1 equals True and 1.0, and differs from "1".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.statistics import IntArray

if TYPE_CHECKING:
    import pyarrow as pa

Encoded = tuple[tuple[Any, ...], IntArray, IntArray]


def encoded(predictions: Sequence[Any], references: Sequence[Any]) -> Encoded:
    """Return the labels that occur, sorted, and their positions in predictions and in references.

    Raises:
        BadEvaluation: A label is missing (None or NaN).

    >>> labels, predicted, right = encoded(["b", "a"], ["a", "a"])
    >>> labels, predicted.tolist(), right.tolist()
    (('a', 'b'), [1, 0], [0, 0])
    """
    return _by_arrow(predictions, references) or _by_python(predictions, references)


def _by_python(predictions: Sequence[Any], references: Sequence[Any]) -> Encoded:
    both = [*references, *predictions]
    if any(label is None or label != label for label in both):
        raise BadEvaluation("A label is missing (None or NaN) among predictions or references.")
    labels = _sorted(set(both))
    position = {label: number for number, label in enumerate(labels)}
    every = np.fromiter((position[label] for label in both), dtype=np.int64, count=len(both))
    return labels, every[len(references) :], every[: len(references)]


def _sorted(distinct: set[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(distinct))
    except TypeError:
        return tuple(sorted(distinct, key=lambda label: (str(type(label)), str(label))))


def _by_arrow(predictions: Sequence[Any], references: Sequence[Any]) -> Encoded | None:
    """Do the same many times faster for columns of text or of integers alone; None for others."""
    columns = _arrow(references), _arrow(predictions)
    if columns[0] is None or columns[1] is None or columns[0].type != columns[1].type:
        return None
    import pyarrow as pa

    joined = pa.concat_arrays(columns).dictionary_encode()
    found = joined.dictionary.to_pylist()
    labels = _sorted(set(found))
    position = {label: number for number, label in enumerate(labels)}
    moved = np.array([position[label] for label in found], dtype=np.int64)
    every = moved[joined.indices.to_numpy(zero_copy_only=False)]
    return labels, every[len(references) :], every[: len(references)]


def _arrow(values: Sequence[Any]) -> pa.Array | None:
    """Return a column as Arrow has it, where Arrow keeps what equals what: none missing, one type alone."""
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        if values.ndim != 1 or values.dtype.kind not in "iuU":
            return None
    elif not isinstance(values, list | tuple) or not len(values) or type(values[0]) not in {str, int}:
        return None
    try:
        column = pa.array(values)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
        return None
    fits = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if not (fits or pa.types.is_integer(column.type)) or column.null_count:
        return None
    return column
