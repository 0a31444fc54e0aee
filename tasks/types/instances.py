"""Instances: objects in an image with a mask each, as datasets annotate them and as they are stored.

A mask is run-length encoded as COCO's: runs of 0 and 1 in turn, from 0 on, column by column. Datasets hold
such runs, pictures of 0 and not 0, arrays, or polygons, which Pillow fills: within a pixel's border of
what COCO's own tools make of them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation, listing
from tasks.inference import media
from tasks.metrics.masks import decoded
from tasks.types.labels import match, named, names_in
from tasks.types.nesting import leaves, read
from tasks.types.objects import AREAS, CROWDS, LABELS, field_of, struct_of_lists

if TYPE_CHECKING:
    import datasets

    from tasks.types.contract import Alignment

MASKS = ("segmentation", "segmentations", "mask", "masks", "rle", "polygon", "polygons")
MOST = 100
"""Instances kept of an image: as many as COCO's score takes."""


def runs(mask: NDArray[Any]) -> list[int]:
    """Return a mask of shape (height, width) as runs of 0 and 1, column by column.

    >>> runs(np.array([[0, 1], [1, 0]]))
    [1, 2, 1]
    """
    flat = np.asarray(mask).astype(bool).ravel(order="F")
    borders = np.flatnonzero(np.diff(flat)) + 1
    found = np.diff(np.concatenate([[0], borders, [len(flat)]])).tolist()
    return [0, *found] if len(flat) and flat[0] else found


def mask_of(given: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask as a dataset writes it as an array of shape `size`, (height, width).

    Raises:
        BadEvaluation: It is neither runs nor a picture, an array or polygons, or of another size.

    >>> mask_of({"size": [2, 2], "counts": [1, 2, 1]}, (2, 2)).astype(int).tolist()
    [[0, 1], [1, 0]]
    >>> int(mask_of([[0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 0.0, 3.0]], (6, 6)).sum())
    16
    """
    if isinstance(given, Mapping) and "counts" in given:
        stated = (int(given["size"][0]), int(given["size"][1]))
        found = decoded(given["counts"], stated, "a right object").reshape(stated)
    elif isinstance(given, Mapping):
        from PIL import Image

        with Image.open(io.BytesIO(media.encoded(given))) as opened:
            found = np.asarray(opened.convert("L")) > 0
    elif _is_array(given, size):
        found = np.asarray(given).astype(bool)
    else:
        found = _filled(given, size)
    if found.shape != size:
        raise BadEvaluation(f"A mask is of the size {found.shape}, and its image of {size}.")
    return found


def _is_array(given: Any, size: tuple[int, int]) -> bool:
    return len(given) == size[0] and all(np.ndim(row) == 1 and len(row) == size[1] for row in given)


def _filled(polygons: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    from PIL import Image, ImageDraw

    several = [polygons] if polygons and np.ndim(polygons[0]) == 0 else polygons
    picture = Image.new("1", (size[1], size[0]))
    pen = ImageDraw.Draw(picture)
    for polygon in several:
        points = [float(each) for each in np.asarray(polygon, dtype=np.float64).ravel()]
        if len(points) < 6 or len(points) % 2:
            raise BadEvaluation("A polygon of a mask is a list of x and y in turn, of three points at least.")
        pen.polygon(points, fill=1)
    return np.asarray(picture, dtype=bool)


def fields(names: Iterable[str]) -> tuple[str, str]:
    """Return which fields of the objects are their masks and their labels.

    Raises:
        BadEvaluation: One is missing.
    """
    there = list(names)
    found = [field_of(there, each) for each in (MASKS, LABELS)]
    for what, names_of, field in zip(("masks", "labels"), (MASKS, LABELS), found, strict=True):
        if field is None:
            raise BadEvaluation(
                f"The objects of a row have no field of {what} (called {listing(names_of)}); "
                f"there are: {listing(there)}."
            )
    return found[0] or "", found[1] or ""


def align(
    features: datasets.Features,
    column: str,
    rows: datasets.Dataset,
    model_labels: Sequence[str],
    overrides: Mapping[str, str],
    model: str,
) -> Alignment:
    """Match the model's label names to those of the objects.

    Raises:
        BadEvaluation: The objects have no masks, or no labels.
        BadLabels: A label of the dataset is reached by no model label.
    """
    feature = leaves(features)[column]
    struct = feature if isinstance(feature, Mapping) else feature.feature
    _, field = fields(struct)
    inner = struct[field].feature if isinstance(feature, Mapping) else struct[field]
    values = [struct_of_lists(named(feature, each)) for each in read(rows, column)]
    used = {str(label) for each in values for label in each.get(field, [])}
    return match(model_labels, names_in(inner, used), overrides, model)


def judged(objects: Any, size: tuple[int, int]) -> dict[str, Any]:
    """Return a row's right objects as metrics take them.

    Args:
        objects: As the dataset writes them.
        size: Height and width of their image.
    """
    struct = struct_of_lists(objects)
    if not struct:
        return {"masks": [], "labels": []}
    masks, labels = fields(struct)
    made = [runs(mask_of(each, size)) for each in struct[masks]]
    found: dict[str, Any] = {
        "masks": [{"size": size, "counts": counts} for counts in made],
        "labels": [str(each) for each in struct[labels]],
    }
    for name, aliases in (("area", AREAS), ("iscrowd", CROWDS)):
        field = field_of(struct, aliases)
        if field is not None and None not in struct[field]:
            found[name] = struct[field]
    return found


def numbered(masks: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> NDArray[np.int64]:
    """Return a map of which mask, counted from 1, each pixel is in; of several the last; 0 for none."""
    shown = np.zeros(size, dtype=np.int64)
    for number, mask in enumerate(masks, 1):
        shown[mask_of(mask, size)] = number
    return shown


def found_in(segmented: Mapping[str, Any], names: Sequence[str], size: tuple[int, int]) -> dict[str, Any]:
    """Return a stored prediction of what a processor found in one image, the surest first.

    Args:
        segmented: Its `segmentation`, a map of shape (instances, height, width), and `segments_info`.
        names: The model's labels.
        size: Height and width.
    """
    info = segmented["segments_info"]
    maps = segmented["segmentation"]
    order = sorted(range(len(info)), key=lambda number: -info[number]["score"])[:MOST]
    return {
        "labels": [names[info[number]["label_id"]] for number in order],
        "scores": [float(info[number]["score"]) for number in order],
        "masks": [runs(maps[number].cpu().numpy()) for number in order],
        "width": size[1],
        "height": size[0],
    }
