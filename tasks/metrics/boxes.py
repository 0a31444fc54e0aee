"""Objects in images as metrics take them: boxes or masks with labels, and scores where they were detected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation, listing
from tasks.metrics import masks
from tasks.metrics.statistics import FloatArray, IntArray

Format = Literal["xyxy", "xywh", "cxcywh"]
Shape = Literal["bbox", "segm"]


@dataclass(frozen=True)
class Objects:
    """The objects of one image.

    Attributes:
        labels: Their labels.
        scores: Their scores; zeros for right objects.
        area: Their areas.
        crowd: Which of them are crowds, that any number of detections may fall into.
        corners: Boxes as left, top, width, height, shape (objects, 4); empty where there are masks.
        masks: Flat masks; empty where there are boxes.
    """

    labels: tuple[Any, ...]
    scores: FloatArray
    area: FloatArray
    crowd: masks.BoolArray
    corners: FloatArray
    masks: tuple[masks.BoolArray, ...]

    @cached_property
    def of_label(self) -> dict[Any, IntArray]:
        """Which objects have each label, by number."""
        found: dict[Any, list[int]] = {}
        for number, label in enumerate(self.labels):
            found.setdefault(label, []).append(number)
        return {label: np.array(numbers) for label, numbers in found.items()}

    def some(self, which: IntArray) -> Objects:
        """Return some of the objects, by number."""
        return Objects(
            tuple(self.labels[number] for number in which),
            self.scores[which],
            self.area[which],
            self.crowd[which],
            self.corners[which] if len(self.corners) else self.corners,
            tuple(self.masks[number] for number in which) if self.masks else (),
        )


def objects(given: Any, where: str, shape: Shape, form: Format, *, detected: bool) -> Objects:
    """Read the objects of one image.

    Raises:
        BadEvaluation: A field is missing, or fields differ in length, or a number is not finite.
    """
    field = "boxes" if shape == "bbox" else "masks"
    wanted = (field, "labels", "scores") if detected else (field, "labels")
    missing = [name for name in wanted if not isinstance(given, Mapping) or name not in given]
    if missing:
        there = listing(given) if isinstance(given, Mapping) else type(given).__name__
        raise BadEvaluation(f"{where} lacks '{missing[0]}'; it needs {listing(wanted)}, and has {there}.")
    labels = tuple(np.asarray(given["labels"]).tolist())
    count = len(labels)
    corners, flat = np.zeros((0, 4)), tuple[masks.BoolArray, ...]()
    if shape == "bbox":
        corners = _corners(given["boxes"], form, where)
        covered, length = corners[:, 2] * corners[:, 3], len(corners)
    else:
        flat = tuple(masks.read(given["masks"], where))
        covered, length = masks.areas(flat), len(flat)
    if length != count:
        raise BadEvaluation(f"{where} has {length} {field} and {count} labels; each needs one.")
    stated = given.get("area")
    return Objects(
        labels,
        _numbers(given["scores"], count, "scores", where) if detected else np.zeros(count),
        covered if detected or stated is None else _numbers(stated, count, "areas", where),
        _numbers(given.get("iscrowd", np.zeros(count)), count, "crowd marks", where) > 0,
        corners,
        flat,
    )


def _numbers(given: Any, count: int, what: str, where: str) -> FloatArray:
    values = np.asarray(given, dtype=np.float64).reshape(-1)
    if len(values) != count:
        raise BadEvaluation(f"{where} has {len(values)} {what} and {count} labels; each needs one.")
    if not np.isfinite(values).all():
        raise BadEvaluation(f"{where} has {what} that are NaN or infinite.")
    return values


def _corners(given: Any, form: Format, where: str) -> FloatArray:
    array = np.asarray(given, dtype=np.float64)
    if array.size == 0:
        return np.zeros((0, 4))
    if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
        raise BadEvaluation(
            f"{where} has boxes of shape {array.shape}; boxes are (boxes, 4) of finite numbers."
        )
    first, second = array[:, :2], array[:, 2:]
    if form == "xyxy":
        second = second - first
    elif form == "cxcywh":
        first = first - second / 2
    if (second < 0).any():
        row = int(np.flatnonzero((second < 0).any(axis=1))[0])
        raise BadEvaluation(
            f"{where} has the box {array[row].tolist()}, which as {form} has a negative width or height; "
            "see box_format."
        )
    return np.concatenate([first, second], axis=1)


def overlaps(found: Objects, right: Objects, where: str) -> FloatArray:
    """Return intersection over union of each pair, shape (found, right); over the found area for a crowd.

    >>> square = objects({"boxes": [[0, 0, 2, 2]], "labels": [0]}, "image 0", "bbox", "xyxy", detected=False)
    >>> half = objects({"boxes": [[1, 0, 3, 2]], "labels": [0]}, "image 0", "bbox", "xyxy", detected=False)
    >>> overlaps(square, half, "image 0").round(3).tolist()
    [[0.333]]
    """
    if found.masks or right.masks:
        return masks.overlaps(found.masks, right.masks, right.crowd, where)
    one, other = found.corners[:, None, :], right.corners[None, :, :]
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    own = one[..., 2] * one[..., 3]
    union = np.where(right.crowd[None, :], own, own + other[..., 2] * other[..., 3] - shared)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0))
