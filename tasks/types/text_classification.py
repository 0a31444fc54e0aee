"""Text classification: one label for a text, or for a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.inference import checkpoints, loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Item, Options, Row
from tasks.types import classification
from tasks.types.contract import Alignment, Column, TaskType

TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=(
        "sentence",
        "premise",
        "sentence1",
        "question1",
        "content",
        "review",
        "tweet",
        "utterance",
        "document",
    ),
    help="the text to classify",
)
TEXT_PAIR = Column(
    name="text_pair",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("hypothesis", "sentence2", "question2"),
    help="the second text of a pair",
    required=False,
)
PREDICTION = pa.schema(
    [*classification.PREDICTION, pa.field("tokens", pa.int32()), pa.field("truncated", pa.bool_())]
)


class TextClassifier:
    """A sequence classifier with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self._model = loading.model("AutoModelForSequenceClassification", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)
        self._limit = loading.longest_input(self._tokenizer, self._model.config, options)

    def prepare(self, row: Row) -> Item:
        """Tokenise one text or pair, cut to what the model takes; costs its tokens."""
        pair = row.get("text_pair")
        given = {"text": row["text"]} if pair is None else {"text": row["text"], "text_pair": pair}
        whole = self._tokenizer(**given, verbose=False)
        length = len(whole["input_ids"])
        if length > self._limit:
            whole = self._tokenizer(**given, truncation=True, max_length=self._limit)
        encoded = {name: whole[name] for name in whole if name in self._tokenizer.model_input_names}
        return Item((encoded, length > self._limit), cost=float(len(encoded["input_ids"])))

    def forward(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Classify a batch."""
        batch = self._tokenizer.pad([item.features[0] for item in items], return_tensors="pt")
        logits = loading.run(self._model, batch).logits.float().cpu().numpy()
        predictions = classification.decode(logits.astype(np.float32), self._names)
        return [
            {**prediction, "tokens": int(item.cost), "truncated": item.features[1]}
            for prediction, item in zip(predictions, items, strict=True)
        ]


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the text, the right label, the predicted one and its confidence."""
    text = row["text"] if row.get("text_pair") is None else f"{row['text']} ⏎ {row['text_pair']}"
    return {"text": text, **classification.verdict(prediction, row, alignment)}


TEXT_CLASSIFICATION = TaskType(
    name="text-classification",
    version=1,
    summary="One label for a text or a pair of texts: sentiment, topic, intent, inference.",
    columns=(TEXT, TEXT_PAIR, classification.LABEL),
    prediction=PREDICTION,
    metrics=classification.METRICS,
    batch_cost=2048,
    cost_unit="tokens",
    preprocessing=("max_tokens",),
    align=classification.align,
    open=TextClassifier,
    evidence=classification.evidence,
    judged_by=("labels", "probabilities"),
    sample=sample,
)
