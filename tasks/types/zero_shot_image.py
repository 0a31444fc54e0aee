"""Zero-shot image classification: the label whose words fit an image best, by CLIP, SigLIP and their kin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inference import loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification, zero_shot
from tasks.types.contract import Alignment, TaskType
from tasks.types.image_classification import IMAGE

TEMPLATE = "This is a photo of {}."


class ZeroShotImageClassifier:
    """A model that aligns images with texts, and the labels' texts."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self.network = loading.model("AutoModelForZeroShotImageClassification", checkpoint, options)
        tokenizer = loading.tokenizer(checkpoint, options)
        self._candidates = zero_shot.Candidates(self.network, tokenizer, options, TEMPLATE)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        images = [media.image(row["image"]) for row in rows]
        return [
            Item(self._processor(images=image, return_tensors="pt")["pixel_values"][0], cost=1.0)
            for image in images
        ]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Compare a batch with the labels' texts."""
        import torch

        pixels = torch.stack([item.features for item in items])
        return self._candidates.judge("get_image_features", {"pixel_values": pixels}, "logit_scale")


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image, the right label and the predicted one."""
    return {"image": row["image"], **classification.verdict(prediction, row, alignment)}


ZERO_SHOT_IMAGE_CLASSIFICATION = TaskType(
    name="zero-shot-image-classification",
    version=1,
    summary="The label whose words fit an image best; the probabilities are over the dataset's labels.",
    columns=(IMAGE, zero_shot.LABEL),
    prediction=classification.PREDICTION,
    metrics=classification.METRICS,
    batch_cost=32,
    cost_unit="images",
    preprocessing=("candidates", "hypothesis_template", "max_tokens"),
    align=zero_shot.align,
    open=ZeroShotImageClassifier,
    evidence=classification.evidence,
    judged_by=("labels", "probabilities"),
    sample=sample,
    answers={"labels": "label"},
    align_answers=classification.align,
)
