"""Image to text: a caption of an image, or the text written in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.inference import media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.image_text import SETTINGS, Reader
from tasks.types.labels import no_labels

if TYPE_CHECKING:
    pass

ASKED = "Describe this image in one sentence."
"""What a model to chat with is asked where the evaluation gives no template."""

TEXT = Column(
    name="text",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=(
        "caption",
        "captions",
        "sentences",
        "sentences_raw",
        "description",
        "answer",
        "ground_truth",
        "transcription",
        "target",
    ),
    help="a right caption, or several, or the text in the image",
)
PREDICTION = pa.schema([pa.field("text", pa.string())])


class Captioner:
    """A model that writes a caption."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._reader = Reader(checkpoint, options, "AutoModelForImageTextToText")
        self.network = self._reader.network
        prompt = options.template.replace("{prompt}", "").strip()
        self._prompt = prompt or (ASKED if self._reader.chats else "")

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        return [self._reader.prepared(media.image(row["image"]), self._prompt) for row in rows]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Write captions of a batch."""
        return self._reader.write(items)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the captions, written and right."""
    return {"texts": Judged(list(predictions["text"]), list(references["text"]))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image, the right captions and the written one."""
    right = row["text"]
    several = right if isinstance(right, str) else "\n".join(right)
    return {"image": row["image"], "reference": several, "prediction": prediction["text"]}


IMAGE_TO_TEXT = TaskType(
    name="image-to-text",
    version=1,
    summary="A caption of an image, or the text in it.",
    columns=(IMAGE, TEXT),
    prediction=PREDICTION,
    metrics=(("rouge", {}), ("sacrebleu", {})),
    batch_cost=8,
    cost_unit="images",
    preprocessing=SETTINGS,
    align=no_labels,
    open=Captioner,
    evidence=evidence,
    judged_by=("texts",),
    sample=sample,
    generates=True,
    answers={"texts": "text"},
)
