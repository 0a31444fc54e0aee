"""Image classification: one label for an image, several, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from tasks.inference import loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification, label_sets
from tasks.types.contract import Alignment, Column, TaskType

IMAGE = Column(
    name="image",
    role="input",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("img", "picture", "photo", "pixel_values"),
    help="the image",
)
LABEL = replace(
    classification.LABEL,
    accepts=classification.LABEL.accepts | {"labels", "words", "integers", "number"},
    help="the right class, a list of them, columns of 0 and 1 as `cat, dog`, or a number",
)
PREDICTION = pa.schema([*classification.PREDICTION, pa.field("labels", pa.list_(pa.string()))])


class ImageClassifier:
    """An image classifier with its image processor."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self.network = loading.model("AutoModelForImageClassification", checkpoint, options)
        self._decoded = label_sets.decoder(checkpoint, options.threshold)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        images = [media.image(row["image"]) for row in rows]
        return [
            Item(self._processor(images=image, return_tensors="pt")["pixel_values"][0], cost=1.0)
            for image in images
        ]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Classify a batch."""
        import torch

        pixels = torch.stack([item.features for item in items])
        logits = loading.run(self.network, {"pixel_values": pixels}).logits
        return lambda: self._decoded(logits.float().cpu().numpy())


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image (as `image`, encoded bytes or a path), the right label and the predicted one."""
    return {"image": row["image"], **label_sets.verdict(prediction, row, alignment)}


IMAGE_CLASSIFICATION = TaskType(
    name="image-classification",
    version=2,
    summary="A label for an image, several labels, or a number.",
    columns=(IMAGE, LABEL),
    prediction=PREDICTION,
    metrics=(*classification.METRICS, *label_sets.METRICS),
    batch_cost=16,
    cost_unit="images",
    preprocessing=("threshold",),
    align=label_sets.align,
    open=ImageClassifier,
    evidence=label_sets.evidence,
    judged_by=("labels", "probabilities", *label_sets.JUDGED_BY),
    sample=sample,
    gives=label_sets.gives,
    answers=label_sets.ANSWERS,
)
