"""Image classification: one label for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification
from tasks.types.contract import Alignment, Column, TaskType

IMAGE = Column(
    name="image",
    role="input",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("img", "picture", "photo", "pixel_values"),
    help="the image",
)


class ImageClassifier:
    """An image classifier with its image processor."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self.network = loading.model("AutoModelForImageClassification", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)

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
        return lambda: classification.decode(logits.float().cpu().numpy(), self._names)


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image (as `image`, encoded bytes or a path), the right label and the predicted one."""
    return {"image": row["image"], **classification.verdict(prediction, row, alignment)}


IMAGE_CLASSIFICATION = TaskType(
    name="image-classification",
    version=1,
    summary="One label for an image.",
    columns=(IMAGE, classification.LABEL),
    prediction=classification.PREDICTION,
    metrics=classification.METRICS,
    batch_cost=16,
    cost_unit="images",
    preprocessing=(),
    align=classification.align,
    open=ImageClassifier,
    evidence=classification.evidence,
    judged_by=("labels", "probabilities"),
    sample=sample,
)
