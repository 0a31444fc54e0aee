"""Objects as datasets annotate them: boxes with their labels, in the layouts that occur.

A row's objects are a struct of lists (`{"bbox": [...], "category": [...]}`) or a list of structs; a box is
four numbers, in pixels: `xywh` (left, top, width, height: COCO's files) or `xyxy` (left, top, right, bottom).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation, listing

BOXES = ("bbox", "bboxes", "boxes", "box")
LABELS = ("category", "categories", "label", "labels", "class", "classes", "name", "category_id")
AREAS = ("area", "areas")
CROWDS = ("iscrowd", "is_crowd", "crowd")


def field_of(fields: Iterable[str], names: Sequence[str]) -> str | None:
    """Return which of some names a struct has, the surest first."""
    there = {field.casefold(): field for field in fields}
    return next((there[name] for name in names if name in there), None)


def fields(feature: Any) -> dict[str, Any]:
    """Return the features of a column of objects, by field, whichever way it is nested.

    Raises:
        BadEvaluation: It has no boxes, or no labels.
    """
    inner = feature if isinstance(feature, Mapping) else feature.feature
    found = dict(inner)
    for what, names in (("boxes", BOXES), ("labels", LABELS)):
        if field_of(found, names) is None:
            raise BadEvaluation(
                f"The objects of a row have no field of {what} (called {listing(names)}); "
                f"there are: {listing(found)}."
            )
    return found


def struct_of_lists(objects: Any) -> dict[str, list[Any]]:
    """Return a row's objects as a struct of lists.

    >>> struct_of_lists([{"bbox": [0, 0, 1, 1], "label": "cat"}])
    {'bbox': [[0, 0, 1, 1]], 'label': ['cat']}
    """
    if objects is None:
        return {}
    if isinstance(objects, Mapping):
        return {name: list(value or ()) for name, value in objects.items()}
    names = objects[0] if objects else {}
    return {name: [each[name] for each in objects] for name in names}


def boxes(objects: Any) -> NDArray[np.float64]:
    """Return a row's boxes as they are written, shape (objects, 4)."""
    struct = struct_of_lists(objects)
    field = field_of(struct, BOXES)
    return np.asarray(struct[field] if field else [], dtype=np.float64).reshape(-1, 4)


def layout_of(rows: Iterable[NDArray[np.float64]]) -> str:
    """Tell how boxes are written: as corners, where each box's last two numbers lie beyond its first.

    >>> layout_of([np.array([[10.0, 10.0, 5.0, 20.0]])])
    'xywh'
    >>> layout_of([np.array([[10.0, 10.0, 15.0, 20.0]])])
    'xyxy'
    """
    corners = all(bool((row[:, 2:] >= row[:, :2]).all()) for row in rows)
    return "xyxy" if corners else "xywh"


def judged(objects: Any, layout: str) -> dict[str, Any]:
    """Return a row's objects as metrics take them: boxes by their corners, labels as strings.

    >>> judged({"bbox": [[1, 2, 3, 4]], "category": ["cat"]}, "xywh")["boxes"].tolist()
    [[1.0, 2.0, 4.0, 6.0]]
    """
    struct = struct_of_lists(objects)
    corners = boxes(objects)
    if layout == "xywh":
        corners = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1)
    labels = field_of(struct, LABELS)
    found: dict[str, Any] = {
        "boxes": corners,
        "labels": [str(each) for each in struct[labels]] if labels else [],
    }
    for name, aliases in (("area", AREAS), ("iscrowd", CROWDS)):
        field = field_of(struct, aliases)
        if field is not None and None not in struct[field]:
            found[name] = struct[field]
    return found
