"""Which detections find which objects, by COCO's rules, at every threshold and size at once.

Source: Lin et al. (2014), Microsoft COCO. Reference implementation: pycocotools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.metrics.boxes import Objects, overlaps
from tasks.metrics.masks import BoolArray
from tasks.metrics.statistics import FloatArray, IntArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
SIZES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MOST = 100
"""Detections of one label that count in one image: those of the highest scores."""

_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Matches:
    """The detections of one label in all images, from the highest score on.

    Attributes:
        image: Which image each is in, shape (detections,).
        rank: How many of its image have a higher score, shape (detections,).
        hit: Whether it finds an object, shape (sizes, thresholds, detections).
        ignored: Whether it counts for nothing, shape (sizes, thresholds, detections).
        wanted: How many objects there are to find, shape (images, sizes).
    """

    image: IntArray
    rank: IntArray
    hit: BoolArray
    ignored: BoolArray
    wanted: FloatArray


def labels_of(found: Sequence[Objects], right: Sequence[Objects]) -> list[Any]:
    """Return every label that occurs, in order."""
    every = {label for each in (*found, *right) for label in each.labels}
    return sorted(every, key=lambda label: (isinstance(label, str), label))


def matches(label: Any, found: Sequence[Objects], right: Sequence[Objects]) -> Matches:
    """Match the detections of one label to its objects, image by image."""
    images, ranks, scores, hits, ignored = [], [], [], [], []
    wanted = np.zeros((len(found), len(SIZES)))
    for image, (detected, there) in enumerate(zip(found, right, strict=True)):
        mine, theirs = detected.of_label.get(label, _NONE), there.of_label.get(label, _NONE)
        if not len(mine) and not len(theirs):
            continue
        best = mine[np.argsort(-detected.scores[mine], kind="stable")][:MOST]
        chosen, objects = detected.some(best), there.some(theirs)
        unwanted = objects.crowd[None, :] | _outside(objects.area)
        wanted[image] = (~unwanted).sum(axis=1)
        hit, waived = _greedy(overlaps(chosen, objects, f"Image {image}"), objects.crowd, unwanted)
        waived |= ~hit & _outside(chosen.area)[:, None, :]
        images.append(np.full(len(best), image))
        ranks.append(np.arange(len(best)))
        scores.append(chosen.scores)
        hits.append(hit)
        ignored.append(waived)
    shape = (len(SIZES), len(THRESHOLDS), 0)
    order = np.argsort(-np.concatenate([np.empty(0), *scores]), kind="stable")
    return Matches(
        np.concatenate([np.empty(0, np.int64), *images])[order],
        np.concatenate([np.empty(0, np.int64), *ranks])[order],
        np.concatenate([np.empty(shape, bool), *hits], axis=-1)[..., order],
        np.concatenate([np.empty(shape, bool), *ignored], axis=-1)[..., order],
        wanted,
    )


def _outside(area: FloatArray) -> BoolArray:
    """Return which areas lie outside of each size, shape (sizes, areas)."""
    low, high = (np.array(ends)[:, None] for ends in zip(*SIZES.values(), strict=True))
    return np.asarray((area[None, :] < low) | (area[None, :] > high))


def _greedy(overlap: FloatArray, crowd: BoolArray, unwanted: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Give each detection, in order, the free object it overlaps most: a wanted one if any will do.

    Of equal overlaps the later object is taken. An unwanted object taken makes the detection count for
    nothing; a crowd stays free.

    Args:
        overlap: Shape (detections, objects).
        crowd: Shape (objects,).
        unwanted: Shape (sizes, objects).

    Returns:
        Hit and ignored, each of shape (sizes, thresholds, detections).
    """
    detections, objects = overlap.shape
    sizes, levels = len(SIZES), len(THRESHOLDS)
    hit = np.zeros((sizes, levels, detections), dtype=bool)
    ignored = np.zeros_like(hit)
    free = np.ones((sizes, levels, objects), dtype=bool)
    size, level = np.ogrid[:sizes, :levels]
    for number in np.flatnonzero((overlap >= THRESHOLDS[0]).any(axis=1)) if objects else ():
        near = free & (overlap[number] >= THRESHOLDS[:, None])
        wanted = near & ~unwanted[:, None, :]
        any_wanted = wanted.any(axis=-1)
        open_ = np.where(any_wanted[..., None], wanted, near)
        nearness = np.where(open_, overlap[number], -1.0)
        taken = objects - 1 - np.argmax(nearness[..., ::-1], axis=-1)
        took = open_.any(axis=-1)
        hit[..., number] = took
        ignored[..., number] = took & ~any_wanted
        free[size, level, taken] &= ~took | crowd[taken]
    return hit, ignored
