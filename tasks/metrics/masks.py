"""Masks of objects: arrays of truth values, or COCO's run-length encoding of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation
from tasks.metrics.statistics import FloatArray

BoolArray = NDArray[np.bool_]


def read(given: Any, where: str) -> list[BoolArray]:
    """Return masks as flat arrays of truth values.

    Args:
        given: An array of shape (masks, height, width), a list of arrays of shape (height, width), or a list
            of run-length encodings `{"size": [height, width], "counts": …}` with counts as numbers or as
            COCO's compressed string.
        where: Whose they are, for messages.

    Raises:
        BadEvaluation: They are none of these.
    """
    return [_one(each, where) for each in given]


def _one(given: Any, where: str) -> BoolArray:
    if isinstance(given, Mapping):
        if not {"size", "counts"} <= set(given):
            raise BadEvaluation(
                f"A run-length mask of {where} needs size and counts, and has {', '.join(given)}."
            )
        return decoded(given["counts"], tuple(int(side) for side in given["size"]), where)
    array = np.asarray(given)
    if array.ndim != 2 or not np.isin(array, (0, 1)).all():
        raise BadEvaluation(
            f"A mask of {where} has the shape {array.shape}; a mask is (height, width) of 0 and 1, or a "
            "run-length encoding."
        )
    return array.astype(bool).ravel()


def decoded(counts: str | bytes | Sequence[int], size: tuple[int, ...], where: str) -> BoolArray:
    """Return a run-length encoded mask as a flat array, row by row.

    Runs of 0 and 1 alternate, from 0 on, column by column.

    >>> decoded([1, 2, 1], (2, 2), "image 0").reshape(2, 2).astype(int)
    array([[0, 1],
           [1, 0]])
    """
    runs = _runs(counts) if isinstance(counts, (str, bytes)) else [int(run) for run in counts]
    if len(size) != 2 or sum(runs) != size[0] * size[1] or min(runs, default=0) < 0:
        raise BadEvaluation(
            f"The runs of a mask of {where} add up to {sum(runs)} pixels, not to its size {size}."
        )
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.asarray(flat.reshape(size[1], size[0]).T.ravel())


def _runs(text: str | bytes) -> list[int]:
    """Read COCO's compressed runs: numbers in 5-bit pieces, from the fourth on as steps from two before."""
    pieces = text.encode() if isinstance(text, str) else text
    runs: list[int] = []
    number = shift = 0
    for piece in pieces:
        bits = piece - 48
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    return runs


def areas(masks: Sequence[BoolArray]) -> FloatArray:
    """Return how many pixels each mask covers."""
    return np.array([mask.sum() for mask in masks], dtype=np.float64)


def overlaps(
    found: Sequence[BoolArray], right: Sequence[BoolArray], crowd: BoolArray, where: str
) -> FloatArray:
    """Return intersection over union of each pair; over the found mask alone where the right one is a crowd.

    Raises:
        BadEvaluation: Masks differ in size.
    """
    if not found or not right:
        return np.zeros((len(found), len(right)))
    sizes = {mask.size for mask in (*found, *right)}
    if len(sizes) > 1:
        raise BadEvaluation(f"The masks of {where} differ in size.")
    # Counts up to 2^24 pixels are exact in single precision, at half the memory.
    kind = "float32" if sizes.pop() < 2**24 else "float64"
    one, another = np.stack(found).astype(kind), np.stack(right).astype(kind)
    shared = np.asarray(one @ another.T, dtype=np.float64)
    own, other = areas(found)[:, None], areas(right)[None, :]
    union = np.where(crowd[None, :], own, own + other - shared)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))
