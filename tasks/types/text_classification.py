"""Text classification: a label for a text or a pair of texts, several labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from tasks.inference import loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification, label_sets
from tasks.types.contract import Alignment, Column, TaskType

TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=(
        "question",
        "sentence",
        "premise",
        "sentence1",
        "question1",
        "content",
        "review",
        "tweet",
        "utterance",
        "utt",
        "document",
    ),
    help="the text to classify",
)
TEXT_PAIR = Column(
    name="text_pair",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("hypothesis", "sentence2", "question2", "passage", "sentence"),
    help="the second text of a pair",
    required=False,
)
LABEL = replace(
    classification.LABEL,
    accepts=classification.LABEL.accepts | {"labels", "words", "integers", "number"},
    aliases=(*classification.LABEL.aliases, "score", "similarity_score", "rating", "stars"),
    help="the right class, a list of them, columns of 0 and 1 as `toxic, obscene`, or a number",
)
PREDICTION = pa.schema(
    [
        *classification.PREDICTION,
        pa.field("labels", pa.list_(pa.string())),
        pa.field("tokens", pa.int32()),
        pa.field("truncated", pa.bool_()),
    ]
)


class TextClassifier:
    """A sequence classifier with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModelForSequenceClassification", checkpoint, options)
        self._decoded = label_sets.decoder(checkpoint, options.threshold)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._padding = Padding.of(self._tokenizer)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise texts or pairs, cut to what the model takes; a row costs its tokens."""
        encoded = self._encoded(rows)
        long = [number for number, row in enumerate(encoded) if len(row["input_ids"]) > self._limit]
        cut = self._encoded([rows[number] for number in long], truncation=True, max_length=self._limit)
        for number, row in zip(long, cut, strict=True):
            encoded[number] = row
        truncated = set(long)
        return [
            Item((row, number in truncated), cost=float(len(row["input_ids"])))
            for number, row in enumerate(encoded)
        ]

    def _encoded(self, rows: Sequence[Row], **more: Any) -> list[dict[str, list[int]]]:
        if not rows:
            return []
        pairs = [row.get("text_pair") for row in rows]
        second = None if all(pair is None for pair in pairs) else pairs
        whole = self._tokenizer([row["text"] for row in rows], second, verbose=False, **more)
        names = [name for name in whole if name in self._tokenizer.model_input_names]
        return [{name: whole[name][number] for name in names} for number in range(len(rows))]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Classify a batch."""
        batch = self._padding.batch([item.features[0] for item in items])
        logits = loading.run(self.network, batch).logits

        def decode() -> list[dict[str, Any]]:
            predictions = self._decoded(logits.float().cpu().numpy())
            return [
                {**prediction, "tokens": int(item.cost), "truncated": item.features[1]}
                for prediction, item in zip(predictions, items, strict=True)
            ]

        return decode


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the text, what is right of it and what was predicted."""
    text = row["text"] if row.get("text_pair") is None else f"{row['text']} ⏎ {row['text_pair']}"
    return {"text": text, **label_sets.verdict(prediction, row, alignment)}


TEXT_CLASSIFICATION = TaskType(
    name="text-classification",
    version=2,
    summary="A label for a text or a pair of texts (sentiment, inference), several labels, or a number.",
    columns=(TEXT, TEXT_PAIR, LABEL),
    prediction=PREDICTION,
    metrics=(*classification.METRICS, *label_sets.METRICS),
    batch_cost=2048,
    cost_unit="tokens",
    preprocessing=("max_tokens", "threshold"),
    align=label_sets.align,
    open=TextClassifier,
    evidence=label_sets.evidence,
    judged_by=("labels", "probabilities", *label_sets.JUDGED_BY),
    sample=sample,
    gives=label_sets.gives,
    answers=label_sets.ANSWERS,
)
