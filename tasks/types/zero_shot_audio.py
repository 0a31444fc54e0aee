"""Zero-shot audio classification: the label whose words fit a recording best, by CLAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tasks.inference import loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import audio_classification, classification, zero_shot
from tasks.types.contract import Alignment, TaskType

PREDICTION = pa.schema([*classification.PREDICTION, pa.field("seconds", pa.float32())])

TEMPLATE = "This is a sound of {}."


class ZeroShotAudioClassifier:
    """A model that aligns sounds with texts, and the labels' texts."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._extractor = loading.feature_extractor(checkpoint, options)
        self.network = loading.model("AutoModel", checkpoint, options)
        tokenizer = loading.tokenizer(checkpoint, options)
        self._candidates = zero_shot.Candidates(self.network, tokenizer, options, TEMPLATE)
        self._rate = self._extractor.sampling_rate

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resample recordings; each costs its seconds."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        samples = media.sound(row["audio"], self._rate)
        seconds = len(samples) / self._rate
        # Of a longer one the extractor would hear a part drawn anew each time, so it is given the beginning.
        heard = samples[: self._extractor.nb_max_samples]
        features = self._extractor(heard, sampling_rate=self._rate, return_tensors="pt")
        return Item((dict(features), seconds), cost=max(seconds, 1e-3))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Compare a batch with the labels' texts."""
        import torch

        batch = {
            name: torch.cat([torch.as_tensor(item.features[0][name]) for item in items])
            for name in items[0].features[0]
        }
        judge = self._candidates.judge("get_audio_features", batch, "logit_scale_a")
        return lambda: [
            {**each, "seconds": item.features[1]} for each, item in zip(judge(), items, strict=True)
        ]


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the right label, the predicted one, and the recording's length."""
    verdict = classification.verdict(prediction, row, alignment)
    seconds = prediction["seconds"]
    return {**verdict, "seconds": None if seconds is None else round(float(seconds), 2)}


ZERO_SHOT_AUDIO_CLASSIFICATION = TaskType(
    name="zero-shot-audio-classification",
    version=1,
    summary="The label whose words fit a recording best; of a long one, its first seconds are heard.",
    columns=(audio_classification.AUDIO, zero_shot.LABEL),
    prediction=PREDICTION,
    metrics=classification.METRICS,
    batch_cost=120,
    cost_unit="seconds",
    preprocessing=("candidates", "hypothesis_template", "max_tokens"),
    align=zero_shot.align,
    open=ZeroShotAudioClassifier,
    evidence=classification.evidence,
    judged_by=("labels", "probabilities"),
    sample=sample,
    answers={"labels": "label"},
    align_answers=classification.align,
)
