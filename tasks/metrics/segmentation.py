"""Semantic segmentation: intersection over union, pixel accuracy and Dice, from pixel counts by class.

A map is an array, a PIL image, an encoded file or a nested list of class numbers, of shape (height, width)
(in a picture with a palette, the numbers are those of the palette). Counts add up
over maps, so a score is of all pixels together and not the mean over maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.images import opened
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, IntArray, Sums


@dataclass(frozen=True)
class Areas:
    """Pixels by class, totals of shape (..., 3 x classes) taken apart."""

    both: FloatArray
    predicted: FloatArray
    right: FloatArray

    @classmethod
    def of(cls, totals: FloatArray) -> Areas:
        """Return the areas that totals hold."""
        return cls(*np.split(totals, 3, axis=-1))

    @property
    def iou(self) -> FloatArray:
        """Intersection over union of each class; NaN for one that is in neither map."""
        return _over(self.both, self.predicted + self.right - self.both)

    @property
    def accuracy(self) -> FloatArray:
        """Share of each class's right pixels that are found; NaN for a class without any."""
        return _over(self.both, self.right)

    @property
    def dice(self) -> FloatArray:
        """Twice the intersection over both areas, of each class; NaN for one that is in neither map."""
        return _over(2 * self.both, self.predicted + self.right)


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below != 0))


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean over classes of what is defined."""
    defined = ~np.isnan(values)
    return _over(np.where(defined, values, 0.0).sum(-1), defined.sum(-1).astype(np.float64))


def mean_iou(
    predictions: Sequence[Any],
    references: Sequence[Any],
    num_labels: int | None = None,
    ignore_index: int | None = 255,
    label_map: Mapping[int, int] | None = None,
    reduce_labels: bool = False,
    nan_to_num: float | None = None,
) -> Measurement:
    """Intersection over union of a class's pixels, the mean over classes, 0 to 1.

    Keys: `mean_iou`, `mean_accuracy` (recall, the mean over classes), `overall_accuracy` (share of pixels).
    The mean is over the classes that occur; a class in neither map counts for nothing, or for `nan_to_num`.
    Per-class values are in the details.

    Args:
        predictions: Maps of class numbers, each of its own size.
        references: The right maps.
        num_labels: How many classes there are; left out, one more than the highest number that occurs.
        ignore_index: The number in a right map whose pixels count for nothing.
        label_map: Right number -> the number to take instead.
        reduce_labels: Take one off every right number and ignore 0, as for ADE20K.
        nan_to_num: What a class that does not occur counts for.

    Reference: HF evaluate's mean_iou. Traps: only the right maps' labels are mapped and reduced; a
    predicted pixel of `ignore_index` belongs to no class, unless that is a number below `num_labels`.

    >>> measured = mean_iou([[[0, 1]]], [[[0, 0]]])
    >>> float(measured.score(measured.statistics.total())["mean_iou"])
    0.25
    """
    counts = _counts(predictions, references, num_labels, ignore_index, label_map, reduce_labels)

    def filled(values: FloatArray) -> FloatArray:
        return values if nan_to_num is None else np.where(np.isnan(values), nan_to_num, values)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        areas = Areas.of(totals)
        return {
            "mean_iou": _mean(filled(areas.iou)),
            "mean_accuracy": _mean(filled(areas.accuracy)),
            "overall_accuracy": filled(_over(areas.both.sum(-1), areas.right.sum(-1))),
        }

    keys = dict.fromkeys(("mean_iou", "mean_accuracy", "overall_accuracy"), True)
    return Measurement(Sums(counts), score, keys, details=_details(counts))


def pixel_accuracy(
    predictions: Sequence[Any],
    references: Sequence[Any],
    num_labels: int | None = None,
    ignore_index: int | None = 255,
    label_map: Mapping[int, int] | None = None,
    reduce_labels: bool = False,
) -> Measurement:
    """Share of pixels whose class is predicted rightly, 0 to 1, over all maps together.

    Key: `pixel_accuracy`. Arguments as for `mean_iou`, whose `overall_accuracy` it is.
    """
    counts = _counts(predictions, references, num_labels, ignore_index, label_map, reduce_labels)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        areas = Areas.of(totals)
        return {"pixel_accuracy": _over(areas.both.sum(-1), areas.right.sum(-1))}

    return Measurement(Sums(counts), score, {"pixel_accuracy": True}, details=_details(counts))


def dice(
    predictions: Sequence[Any],
    references: Sequence[Any],
    average: Literal["macro", "micro"] = "macro",
    num_labels: int | None = None,
    ignore_index: int | None = 255,
    label_map: Mapping[int, int] | None = None,
    reduce_labels: bool = False,
) -> Measurement:
    """Twice the common pixels of a class over its pixels in both maps, 0 to 1, averaged over classes.

    Key: `dice_macro` (the mean over classes that occur) or `dice_micro` (all classes' pixels together), by
    `average`. Other arguments as for `mean_iou`. Source: Dice (1945). Reference: sklearn.metrics.f1_score
    over all pixels, which it equals. Trap: others take the mean over maps.
    """
    counts = _counts(predictions, references, num_labels, ignore_index, label_map, reduce_labels)
    key = f"dice_{average}"

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        areas = Areas.of(totals)
        if average == "macro":
            return {key: _mean(areas.dice)}
        return {key: _over(2 * areas.both.sum(-1), areas.predicted.sum(-1) + areas.right.sum(-1))}

    return Measurement(Sums(counts), score, {key: True}, details=_details(counts))


def _map(given: Any, row: int) -> IntArray:
    array = np.asarray(opened(given, row))
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not (np.issubdtype(array.dtype, np.integer) or array.dtype == bool):
        raise BadEvaluation(
            f"The map of row {row} has the shape {array.shape} and holds {array.dtype}; a map is "
            "(height, width) of whole class numbers."
        )
    return array.astype(np.int64)


def _counts(
    predictions: Sequence[Any],
    references: Sequence[Any],
    classes: int | None,
    ignore: int | None,
    label_map: Mapping[int, int] | None,
    reduce_labels: bool,
) -> FloatArray:
    """Return common, predicted and right pixels of each class and map, shape (rows, 3 x classes)."""
    check_lengths(predictions, references)
    if classes is not None and classes < 1:
        raise BadEvaluation(f"num_labels is how many classes there are, and {classes} is too few.")
    kept = []
    for row, (given, right) in enumerate(zip(predictions, references, strict=True)):
        predicted, wanted = _map(given, row), _relabelled(_map(right, row), label_map, reduce_labels, ignore)
        if predicted.shape != wanted.shape:
            raise BadEvaluation(
                f"The maps of row {row} differ in size: predicted {predicted.shape}, right {wanted.shape}."
            )
        counted = np.ones(wanted.shape, dtype=bool) if ignore is None else wanted != ignore
        kept.append((predicted[counted], wanted[counted]))
    if not any(wanted.size for _, wanted in kept):
        raise BadEvaluation(
            f"Every pixel is to be ignored (ignore_index {ignore}): nothing is left to score."
        )
    if classes is None:
        highest = [side[side != ignore].max(initial=-1) for pair in kept for side in pair]
        classes = int(max(highest)) + 1
    counts = np.zeros((len(kept), 3, max(classes, 1)))
    for row, (predicted, wanted) in enumerate(kept):
        _check_numbers(wanted, classes, row, "right")
        _check_numbers(predicted[predicted != ignore], classes, row, "predicted")
        for part, numbers in enumerate((wanted[predicted == wanted], predicted, wanted)):
            inside = numbers[numbers < classes] if ignore is not None and ignore >= classes else numbers
            inside = inside[inside >= 0]
            counts[row, part] = np.bincount(inside, minlength=classes)[:classes]
    return counts.reshape(len(kept), -1)


def _relabelled(
    right: IntArray, label_map: Mapping[int, int] | None, reduce_labels: bool, ignore: int | None
) -> IntArray:
    if label_map:
        mapped = right.copy()
        for old, new in label_map.items():
            mapped[right == int(old)] = int(new)
        right = mapped
    if reduce_labels:
        if ignore is None:
            raise BadEvaluation("reduce_labels turns class 0 into ignore_index, so give ignore_index.")
        # 255 stays what it is: it marks pixels without a class in 8-bit maps.
        right = np.where(right == 0, 255, np.where(right == 255, 255, right - 1))
    return right


def _check_numbers(numbers: IntArray, classes: int, row: int, which: str) -> None:
    outside = numbers[(numbers < 0) | (numbers >= classes)]
    if outside.size:
        raise BadEvaluation(
            f"The {which} map of row {row} holds the class number {outside[0]}, and there are {classes} "
            f"classes (0 to {classes - 1}); raise num_labels, or set ignore_index to it."
        )


def _details(counts: FloatArray) -> dict[str, list[dict[str, object]]]:
    areas = Areas.of(counts.sum(axis=0))
    rows = zip(areas.iou, areas.accuracy, areas.dice, areas.right, strict=True)
    return {
        "per_class": [
            {
                "label": str(number),
                "iou": float(iou),
                "accuracy": float(found),
                "dice": float(twice),
                "pixels": int(there),
            }
            for number, (iou, found, twice, there) in enumerate(rows)
        ]
    }
