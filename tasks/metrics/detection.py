"""Object detection: COCO's mean average precision and recall, of boxes or of masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.boxes import Format, Shape, objects
from tasks.metrics.contract import Measurement
from tasks.metrics.matching import MOST, SIZES, THRESHOLDS, Matches, labels_of, matches
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Weighted

_RECALLS = np.linspace(0, 1, 101)
_LIMITS = (1, 10, MOST)
_WORK = 2_000_000_000
"""Steps along precision curves that an interval may cost: about half a minute."""


def mean_average_precision(
    predictions: Sequence[Any],
    references: Sequence[Any],
    box_format: Format = "xyxy",
    iou_type: Shape = "bbox",
) -> Measurement:
    """Area under the precision-recall curve of detections, the mean over labels and overlaps, 0 to 1.

    Keys, as COCO's: `map` (the mean over overlaps of 0.50, 0.55, … 0.95), `map_50`, `map_75`, `map_small`,
    `map_medium`, `map_large` (objects below 32², to 96², above, in pixels), and recall `mar_1`, `mar_10`,
    `mar_100` (with that many detections of a label an image), `mar_small`, `mar_medium`, `mar_large`; with
    `iou_type: segm` all begin with `segm_`. Higher is better. A score is undefined (NaN; -1 in pycocotools)
    where there is no object of that size; a label without objects counts for nothing.
    Average precision and recall of each label are in the details.

    Args:
        predictions: For each image `{"boxes": (n, 4), "scores": (n,), "labels": (n,)}`.
        references: For each image `{"boxes": (n, 4), "labels": (n,)}`, and optionally `area` (what decides
            the size; left out, the box's or mask's own) and `iscrowd`.
        box_format: `xyxy` (left, top, right, bottom), `xywh` (COCO's files) or `cxcywh`.
        iou_type: `bbox`, or `segm` for `masks` instead of `boxes`: arrays of shape (n, height, width), or
            COCO's run-length encodings.

    The interval draws images with replacement, and is the spread of the samples around the score: images
    drawn twice make a curve smoother and the score itself higher. Source: Lin et al. (2014). Reference:
    pycocotools; input as in torchmetrics. Trap: boxes in the wrong format overlap by chance.
    """
    check_lengths(predictions, references)
    found = [
        objects(each, f"Prediction {row}", iou_type, box_format, detected=True)
        for row, each in enumerate(predictions)
    ]
    right = [
        objects(each, f"Reference {row}", iou_type, box_format, detected=False)
        for row, each in enumerate(references)
    ]
    labels = labels_of(found, right)
    if not any(each.labels for each in right):
        raise BadEvaluation("No reference holds an object, so average precision is not defined.")
    matched = [matches(label, found, right) for label in labels]
    prefix = "" if iou_type == "bbox" else "segm_"

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        samples = np.atleast_2d(weights)
        precision = np.stack([_precision(each, samples) for each in matched])
        recall = np.stack([_recall(each, samples) for each in matched])
        shape = weights.shape[:-1]
        return {key: each.reshape(shape) for key, each in _summary(precision, recall, prefix).items()}

    steps = sum(each.hit.sum() + each.hit[:, 0].size for each in matched)
    return Measurement(
        Weighted.every(len(found)),
        score,
        dict.fromkeys(score(np.ones(len(found))), True),
        details={"per_class": _details(labels, matched, len(found))},
        most_resamples=max(100, int(_WORK // max(steps, 1))),
        centred=True,
    )


def _precision(found: Matches, weights: FloatArray) -> FloatArray:
    """Return average precision of one label, shape (sizes, thresholds, samples); NaN without objects."""
    wanted = weights @ found.wanted
    average = np.full((len(SIZES), len(THRESHOLDS), len(weights)), np.nan)
    drawn = weights[:, found.image]
    for size in range(len(SIZES)):
        there = wanted[:, size]
        if not found.wanted[:, size].any():
            continue
        last, so_far = None, drawn
        for level in range(len(THRESHOLDS)):
            ignored = found.ignored[size, level]
            if last is None or (ignored != last).any():
                last, so_far = ignored, np.cumsum(np.where(ignored, 0.0, drawn), axis=1)
            hits = np.flatnonzero(found.hit[size, level] & ~ignored)
            area = _area(np.cumsum(drawn[:, hits], axis=1), so_far[:, hits], there)
            average[size, level] = np.where(there > 0, area, np.nan)
    return average


def _area(hits: FloatArray, taken: FloatArray, there: FloatArray) -> FloatArray:
    """Return the mean over recall levels of the best precision at that recall or more, shape (samples,).

    Precision is looked up at hits alone, where recall rises: the first place of a recall level is a hit.
    """
    if not hits.shape[1]:
        return np.zeros(len(hits))
    precision = hits / (taken + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits / np.where(there > 0, there, np.inf)[:, None]
    reached = np.searchsorted(_RECALLS, recall.ravel(), side="right").reshape(recall.shape)
    return np.asarray((best * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(_RECALLS))


def _recall(found: Matches, weights: FloatArray) -> FloatArray:
    """Return recall of one label, shape (sizes, limits, samples); NaN without objects."""
    wanted = (weights @ found.wanted).T
    right = (found.hit & ~found.ignored).mean(axis=1)
    recall = np.full((len(SIZES), len(_LIMITS), len(weights)), np.nan)
    for number, limit in enumerate(_LIMITS):
        by_image = np.zeros((len(SIZES), weights.shape[1]))
        for size, share in enumerate(np.where(found.rank < limit, right, 0.0)):
            by_image[size] = np.bincount(found.image, share, minlength=weights.shape[1])
        hits = by_image @ weights.T
        np.divide(hits, wanted, out=recall[:, number], where=wanted > 0)
    return recall


def _summary(precision: FloatArray, recall: FloatArray, prefix: str) -> dict[str, FloatArray]:
    """Average over labels: precision by label, size, threshold and sample; recall by label, size, limit, …"""
    values = {"map": precision[:, 0].mean(axis=1), "map_50": precision[:, 0, 0], "map_75": precision[:, 0, 5]}
    for size, name in enumerate(SIZES):
        if size:
            values[f"map_{name}"] = precision[:, size].mean(axis=1)
    for number, limit in enumerate(_LIMITS):
        values[f"mar_{limit}"] = recall[:, 0, number]
    for size, name in enumerate(SIZES):
        if size:
            values[f"mar_{name}"] = recall[:, size, -1]
    return {f"{prefix}{key}": _mean_of_defined(each) for key, each in values.items()}


def _mean_of_defined(values: FloatArray) -> FloatArray:
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _details(labels: Sequence[Any], matched: Sequence[Matches], images: int) -> list[dict[str, object]]:
    one = np.ones((1, images))
    rows = []
    for label, each in zip(labels, matched, strict=True):
        precision = _precision(each, one)[0, :, 0]
        rows.append(
            {
                "label": str(label),
                "map": float(precision.mean()),
                "map_50": float(precision[0]),
                "map_75": float(precision[5]),
                "mar_100": float(_recall(each, one)[0, -1, 0]),
                "objects": int(each.wanted[:, 0].sum()),
            }
        )
    return rows
