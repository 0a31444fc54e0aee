"""Image segmentation: the class of every pixel, or a mask, a label and a score of every object.

What the dataset holds decides: a map of class numbers, or objects with a mask each.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import BadEvaluation, unknown
from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import instances, overlays, sized_images
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.sized_images import Size

if TYPE_CHECKING:
    import datasets

MAPS, OBJECTS = "maps", "objects"
"""The ways in which datasets come; the second is the layout of alignments too."""

MAP = Column(
    name="map",
    role="reference",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=(
        "annotation",
        "segmentation_map",
        "semantic_map",
        "segmentation",
        "semantic_segmentation",
        "mask",
        "label",
        "labels",
        "annotations",
        "seg",
    ),
    help="the right map: a picture of class numbers, one a pixel",
    way=MAPS,
)
INSTANCES = Column(
    name="objects",
    role="reference",
    accepts=frozenset({"records"}),
    typical="records",
    aliases=("annotations", "instances", "annotation", "segments"),
    help="the right objects, a struct of lists or a list of structs with a mask (runs, polygons, a picture) "
    "and a label each",
    way=OBJECTS,
)
PREDICTION = pa.schema(
    [
        pa.field("map", pa.binary()),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float32())),
        pa.field("masks", pa.list_(pa.list_(pa.int32()))),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
    ]
)
SHOWN = 0.5
"""The least score of an object drawn into the sample table."""
NUMBERED = {"1", "L", "P", "I", "I;16"}
"""Modes of pictures whose pixels are single numbers."""


class Segmenter:
    """A model that gives every pixel a class, directly or through masks with classes."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self._apart = options.layout == OBJECTS
        self._names = checkpoints.labels(checkpoint)
        self._threshold = options.threshold or 0.0
        if self._apart and not _tells_instances(self._processor):
            raise BadEvaluation(
                f"The model '{checkpoint.name}' tells no overlapping objects apart; MaskFormer's and "
                "Mask2Former's kind does."
            )
        stated = checkpoints.config(checkpoint).get("architectures") or []
        direct = any(str(name).endswith("ForSemanticSegmentation") for name in stated)
        family = "AutoModelForSemanticSegmentation" if direct else "AutoModelForUniversalSegmentation"
        self.network = loading.model(family, checkpoint, options)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        return [self._prepared(media.image(row["image"])) for row in rows]

    def _prepared(self, image: Any) -> Item:
        return Item((dict(self._processor(images=image, return_tensors="pt")), image.size), cost=1.0)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Segment a batch."""
        return sized_images.run(self.network, items, self._decoded)

    def _decoded(self, output: Any, sizes: Sequence[Size]) -> list[dict[str, Any]]:
        if self._apart:
            found = self._processor.post_process_instance_segmentation(
                output, threshold=self._threshold, target_sizes=list(sizes), return_binary_maps=True
            )
            pairs = zip(found, sizes, strict=True)
            return [instances.found_in(each, self._names, size) for each, size in pairs]
        maps = self._processor.post_process_semantic_segmentation(output, target_sizes=list(sizes))
        return [{"map": encoded(classes.cpu().numpy())} for classes in maps]


def _tells_instances(processor: Any) -> bool:
    method = getattr(processor, "post_process_instance_segmentation", None)
    return method is not None and "return_binary_maps" in inspect.signature(method).parameters


def encoded(classes: NDArray[Any]) -> bytes:
    """Encode a map of class numbers, shape (height, width), as PNG of 8 bits, or 16 where they need it.

    >>> numbers(encoded(np.array([[0, 300]]))).tolist()
    [[0, 300]]
    """
    from PIL import Image

    kind = np.uint8 if classes.max(initial=0) < 256 else np.uint16
    return bytes(media.stored(Image.fromarray(classes.astype(kind)))["bytes"])


def numbers(map_: bytes | Mapping[str, Any]) -> NDArray[np.int64]:
    """Decode a map to its class numbers, shape (height, width)."""
    from PIL import Image

    with Image.open(io.BytesIO(map_ if isinstance(map_, bytes) else media.encoded(map_))) as opened:
        return np.asarray(opened).astype(np.int64)


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Take the maps' numbers for the model's own, but where the user says which number a label has.

    Objects have labels, which are matched by name.

    Raises:
        UnknownName: The user's pairs name a label that the model lacks.
        BadEvaluation: A pair's right side is no number, or the maps are coloured pictures.
    """
    names = checkpoints.labels(checkpoint)
    if INSTANCES.name in columns:
        column = columns[INSTANCES.name]
        found = instances.align(features, column, rows, names, overrides, checkpoint.name)
        return replace(found, layout=OBJECTS)
    for given, wanted in overrides.items():
        if given not in names:
            raise unknown(f"label of the model '{checkpoint.name}'", given, names)
        if not wanted.isdigit():
            raise BadEvaluation(
                f"Maps hold class numbers, and the label '{given}' is to be '{wanted}'; give the number."
            )
    _check_maps(rows, columns["map"])
    note = (
        ()
        if overrides
        else (
            "Maps hold class numbers without names, taken for those of the model "
            f"'{checkpoint.name}': 0 is {names[0]}; pair them where they differ.",
        )
    )
    return Alignment((), dict(overrides), note, tuple(names))


def align_answers(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the labels of objects found elsewhere; maps are taken as they are."""
    if INSTANCES.name in columns:
        return align(features, columns, rows, checkpoint, overrides)
    return Alignment()


def _check_maps(rows: datasets.Dataset, column: str) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(media.encoded(rows[0][column]))) as opened:
        mode = opened.mode
    if mode not in NUMBERED:
        raise BadEvaluation(
            f"The column '{column}' holds pictures of mode {mode}; a map holds one class number a pixel."
        )


def renumbered(map_: bytes, alignment: Alignment) -> bytes | NDArray[np.int64]:
    """Return a predicted map in the dataset's numbers.

    >>> paired = Alignment((), {"sky": "7"}, (), ("wall", "sky"))
    >>> renumbered(encoded(np.array([[0, 1]])), paired)
    array([[0, 7]])
    """
    if not alignment.to_dataset:
        return map_
    own = range(len(alignment.model_labels))
    table = np.array(
        [int(alignment.to_dataset.get(alignment.model_labels[number], number)) for number in own]
    )
    return np.asarray(table[numbers(map_)])


def named_numbers(alignment: Alignment) -> dict[str, str]:
    """Return the model's label of each class number in the maps.

    >>> named_numbers(Alignment((), {"sky": "7"}, (), ("wall", "sky")))
    {'0': 'wall', '7': 'sky'}
    """
    numbered = enumerate(alignment.model_labels)
    return {alignment.to_dataset.get(label, str(number)): label for number, label in numbered}


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is judged: maps, or objects (by their masks) where there are such."""
    return ("boxes",) if INSTANCES.name in columns else ("maps",)


def _judged(prediction: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return predicted objects as metrics take them, in the dataset's words."""
    size = (prediction["height"], prediction["width"])
    return {
        "masks": [{"size": size, "counts": counts} for counts in prediction["masks"]],
        "labels": [alignment.to_dataset.get(label, label) for label in prediction["labels"]],
        "scores": prediction["scores"],
    }


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right maps, in the dataset's numbers, or objects with their masks."""
    if INSTANCES.name in references:
        fields = ("masks", "labels", "scores", "width", "height")
        rows = zip(*(predictions[name] for name in fields), strict=True)
        given = [dict(zip(fields, row, strict=True)) for row in rows]
        right = [
            instances.judged(objects, (row["height"], row["width"]))
            for row, objects in zip(given, references[INSTANCES.name], strict=True)
        ]
        return {"boxes": Judged([_judged(row, alignment) for row in given], right, {"iou_type": "segm"})}
    given = [renumbered(each, alignment) for each in predictions["map"]]
    return {"maps": Judged(given, references["map"], names=named_numbers(alignment))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image, both maps or all masks in colours, and the classes that are in each."""
    if row.get(INSTANCES.name) is not None:
        size = (prediction["height"], prediction["width"])
        given, wanted = _judged(prediction, alignment), instances.judged(row[INSTANCES.name], size)
        sure = [number for number, score in enumerate(given["scores"]) if score >= SHOWN]
        drawn = [given["masks"][number] for number in sure]
        return {
            "image": row["image"],
            "reference": overlays.coloured(instances.numbered(wanted["masks"], size)),
            "prediction": overlays.coloured(instances.numbered(drawn, size)),
            "right objects": ", ".join(wanted["labels"]),
            "found above 0.5": ", ".join(given["labels"][number] for number in sure),
        }
    found = renumbered(prediction["map"], alignment)
    classes = numbers(found) if isinstance(found, bytes) else found
    right = numbers(row["map"])
    return {
        "image": row["image"],
        "reference": overlays.coloured(right),
        "prediction": overlays.coloured(classes),
        "right classes": ", ".join(map(str, np.unique(right))),
        "predicted classes": ", ".join(map(str, np.unique(classes))),
    }


IMAGE_SEGMENTATION = TaskType(
    name="image-segmentation",
    version=2,
    summary="The class of every pixel of an image, or a mask of every object.",
    columns=(IMAGE, MAP, INSTANCES),
    prediction=PREDICTION,
    metrics=(("mean_iou", {}), ("dice", {}), ("mean_average_precision", {})),
    batch_cost=8,
    cost_unit="images",
    preprocessing=("layout", "threshold"),
    align=align,
    open=Segmenter,
    evidence=evidence,
    judged_by=("maps", "boxes"),
    sample=sample,
    gives=gives,
    align_answers=align_answers,
)
