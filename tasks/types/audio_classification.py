"""Audio classification: one label for a recording, as the keyword spoken or the sound heard in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tasks.inference import loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification, label_sets
from tasks.types.contract import Alignment, Column, TaskType

AUDIO = Column(
    name="audio",
    role="input",
    accepts=frozenset({"audio"}),
    typical="audio",
    aliases=("speech", "sound", "file"),
    help="the recording to classify",
)
LABEL = Column(
    name="label",
    role="reference",
    accepts=classification.LABEL.accepts | {"labels", "words", "integers", "number"},
    typical="label",
    aliases=(*classification.LABEL.aliases, "intent_class", "genre", "language", "lang_id", "speaker_id"),
    help="the right class, a list of them, columns of 0 and 1 as `dog, rain`, or a number",
)
PREDICTION = pa.schema(
    [
        *classification.PREDICTION,
        pa.field("labels", pa.list_(pa.string())),
        pa.field("seconds", pa.float32()),
    ]
)


class AudioClassifier:
    """An audio classifier with its feature extractor."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._extractor = loading.feature_extractor(checkpoint, options)
        self.network = loading.model("AutoModelForAudioClassification", checkpoint, options)
        self._decoded = label_sets.decoder(checkpoint, options.threshold)
        self._rate = self._extractor.sampling_rate

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resample recordings, and extract what the model hears; each costs its seconds."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        samples = media.sound(row["audio"], self._rate)
        features = self._extractor(samples, sampling_rate=self._rate, return_tensors="pt")
        return Item(dict(features), cost=max(len(samples) / self._rate, 1e-3))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Classify a batch; together only what padding does not change."""
        import torch

        logits: dict[int, Any] = {}
        for group in loading.alike([item.features for item in items], self._extractor):
            found = loading.run(self.network, group.batch).logits.float().cpu()
            logits |= dict(zip(group.positions, found, strict=True))
        ordered = torch.stack([logits[position] for position in range(len(items))])

        def decode() -> list[dict[str, Any]]:
            made = self._decoded(ordered.numpy())
            return [{**each, "seconds": item.cost} for each, item in zip(made, items, strict=True)]

        return decode


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the right label, the predicted one, and the recording's length."""
    verdict = label_sets.verdict(prediction, row, alignment)
    seconds = prediction["seconds"]
    return {**verdict, "seconds": None if seconds is None else round(float(seconds), 2)}


AUDIO_CLASSIFICATION = TaskType(
    name="audio-classification",
    version=2,
    summary="A label for a recording, several labels, or a number.",
    columns=(AUDIO, LABEL),
    prediction=PREDICTION,
    metrics=(*classification.METRICS, *label_sets.METRICS),
    batch_cost=120,
    cost_unit="seconds",
    preprocessing=("threshold",),
    align=label_sets.align,
    open=AudioClassifier,
    evidence=label_sets.evidence,
    judged_by=("labels", "probabilities", *label_sets.JUDGED_BY),
    sample=sample,
    gives=label_sets.gives,
    answers=label_sets.ANSWERS,
)
