"""Semantic image segmentation: the class of every pixel."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import BadEvaluation, unknown
from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import overlays, sized_images
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.labels import no_labels
from tasks.types.sized_images import Size

if TYPE_CHECKING:
    import datasets

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
)
PREDICTION = pa.schema([pa.field("map", pa.binary())])
NUMBERED = {"1", "L", "P", "I", "I;16"}
"""Modes of pictures whose pixels are single numbers."""


class Segmenter:
    """A model that gives every pixel a class, directly or through masks with classes."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
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
        maps = self._processor.post_process_semantic_segmentation(output, target_sizes=list(sizes))
        return [{"map": encoded(classes.cpu().numpy())} for classes in maps]


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

    Raises:
        UnknownName: The user's pairs name a label that the model lacks.
        BadEvaluation: A pair's right side is no number, or the maps are coloured pictures.
    """
    names = checkpoints.labels(checkpoint)
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


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right maps, in the dataset's numbers."""
    return {"maps": Judged([renumbered(each, alignment) for each in predictions["map"]], references["map"])}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image, both maps in colours, and the classes that are in each."""
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
    version=1,
    summary="The class of every pixel of an image.",
    columns=(IMAGE, MAP),
    prediction=PREDICTION,
    metrics=(("mean_iou", {}), ("dice", {})),
    batch_cost=8,
    cost_unit="images",
    preprocessing=(),
    align=align,
    open=Segmenter,
    evidence=evidence,
    judged_by=("maps",),
    sample=sample,
    align_answers=no_labels,
)
