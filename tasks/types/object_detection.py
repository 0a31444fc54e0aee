"""Object detection: boxes around the objects in an image, each with a label and a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import objects as annotated
from tasks.types import overlays, sized_images
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.labels import match, named, names_in
from tasks.types.sized_images import Size

if TYPE_CHECKING:
    import datasets

MOST = 300
"""Detections kept of an image: as many as any model gives, three times what COCO's score takes."""
SHOWN = 0.5
"""The least score of a detection drawn into the sample table."""

OBJECTS = Column(
    name="objects",
    role="reference",
    accepts=frozenset({"records"}),
    typical="records",
    aliases=("annotations", "annotation", "labels", "instances"),
    help="the right boxes and labels, a struct of lists or a list of structs with bbox and category",
)
PREDICTION = pa.schema(
    [
        pa.field("boxes", pa.list_(pa.list_(pa.float32()))),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float32())),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
    ]
)


class Detector:
    """An object detector with its image processor."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self.network = loading.model("AutoModelForObjectDetection", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)
        self._threshold = options.threshold or 0.0

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        return [self._prepared(media.image(row["image"])) for row in rows]

    def _prepared(self, image: Any) -> Item:
        features = dict(self._processor(images=image, return_tensors="pt"))
        height, width = features["pixel_values"].shape[-2:]
        # The sliver lets the engine sort pictures of one size together, which then go through unpadded.
        return Item((features, image.size), cost=1.0 + (height * 10_000 + width) * 1e-11)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Detect in a batch."""
        return sized_images.run(self.network, items, self._decoded)

    def _decoded(self, output: Any, sizes: Sequence[Size]) -> list[dict[str, Any]]:
        detected = self._processor.post_process_object_detection(
            output, threshold=self._threshold, target_sizes=list(sizes)
        )
        found = []
        for (height, width), each in zip(sizes, detected, strict=True):
            best = each["scores"].argsort(descending=True, stable=True)[:MOST]
            found.append(
                {
                    "boxes": each["boxes"][best].float().cpu().tolist(),
                    "labels": [self._names[number] for number in each["labels"][best].tolist()],
                    "scores": each["scores"][best].float().cpu().tolist(),
                    "width": width,
                    "height": height,
                }
            )
        return found


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the model's label names to those of the objects, and tell how their boxes are written.

    Raises:
        BadEvaluation: The objects have no boxes, or no labels.
        BadLabels: A label of the dataset is reached by no model label.
    """
    feature = features[columns["objects"]]
    there = annotated.fields(feature)
    label = there[annotated.field_of(there, annotated.LABELS) or ""]
    inner = label.feature if isinstance(feature, Mapping) else label
    written = rows.select_columns([columns["objects"]]).with_format(None)[:][columns["objects"]]
    layout = annotated.layout_of(annotated.boxes(each) for each in written)
    used = [label for each in written for label in annotated.judged(named(feature, each), layout)["labels"]]
    found = match(checkpoints.labels(checkpoint), names_in(inner, used), overrides, checkpoint.name)
    note = f"The dataset's boxes are read as {layout}, and in pixels."
    return Alignment(found.dataset_labels, found.to_dataset, (*found.notes, note), found.model_labels, layout)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return detected and right boxes, by their corners, labelled in the dataset's words."""
    found = [
        {
            "boxes": np.asarray(boxes, dtype=np.float64).reshape(-1, 4),
            "labels": [alignment.to_dataset.get(label, label) for label in labels],
            "scores": scores,
        }
        for boxes, labels, scores in zip(
            predictions["boxes"], predictions["labels"], predictions["scores"], strict=True
        )
    ]
    right = [annotated.judged(each, alignment.layout) for each in references["objects"]]
    return {"boxes": Judged(found, right)}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image with right boxes in green and detections in orange, and how many there are."""
    right = annotated.judged(row["objects"], alignment.layout)
    sure = [number for number, score in enumerate(prediction["scores"]) if score >= SHOWN]
    drawn = [
        (right["boxes"].tolist(), overlays.RIGHT),
        ([prediction["boxes"][number] for number in sure], overlays.PREDICTED),
    ]
    labels = [alignment.to_dataset.get(label, label) for label in prediction["labels"]]
    return {
        "image": overlays.with_boxes(row["image"], drawn),
        "reference": ", ".join(right["labels"]),
        "prediction": ", ".join(f"{labels[number]} {prediction['scores'][number]:.2f}" for number in sure),
        "right objects": len(right["labels"]),
        "detected above 0.5": len(sure),
    }


OBJECT_DETECTION = TaskType(
    name="object-detection",
    version=1,
    summary="Boxes around the objects in an image, each with a label and a score.",
    columns=(IMAGE, OBJECTS),
    prediction=PREDICTION,
    metrics=(("mean_average_precision", {}),),
    batch_cost=8,
    cost_unit="images",
    preprocessing=("threshold",),
    align=align,
    open=Detector,
    evidence=evidence,
    judged_by=("boxes",),
    sample=sample,
    answers={"boxes": "boxes"},
)
