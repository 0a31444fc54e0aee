"""Sentence similarity: how alike an encoder finds two texts, beside how alike people found them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import embedding
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import no_labels

SENTENCE1 = Column(
    name="sentence1",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=(
        "sentence_a",
        "sentence_1",
        "text1",
        "question1",
        "premise",
        "anchor",
        "source_sentence",
        "text",
    ),
    help="one text",
)
SENTENCE2 = Column(
    name="sentence2",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("sentence_b", "sentence_2", "text2", "question2", "hypothesis", "positive", "text_pair"),
    help="the other",
)
SCORE = Column(
    name="score",
    role="reference",
    accepts=frozenset({"number", "integer"}),
    typical="number",
    aliases=("label", "similarity_score", "relatedness_score", "similarity", "relatedness", "gold"),
    help="how alike they are, on any scale",
)
PREDICTION = pa.schema([pa.field("similarity", pa.float32())])


class Comparer(embedding.Encoder):
    """An encoder that compares two texts a row."""

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise both texts; a row costs the tokens of both."""
        prompt = self.sentence.prompt()
        one = self.tokens([row["sentence1"] for row in rows], prompt)
        other = self.tokens([row["sentence2"] for row in rows], prompt)
        return [
            Item(pair, cost=float(sum(len(each["input_ids"]) for each in pair)))
            for pair in zip(one, other, strict=True)
        ]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Compare the texts of a batch of rows."""
        vectors = self.vectors([text for item in items for text in item.features])
        found = self.likeness(vectors[0::2], vectors[1::2]).tolist()
        return lambda: [{"similarity": each} for each in found]


def open_comparer(checkpoint: Checkpoint, options: Options) -> Comparer:
    """Load an encoder."""
    return Comparer(checkpoint, options)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return how alike texts were found, and how alike they are."""
    given = [float(each) for each in predictions["similarity"]]
    return {"numbers": Judged(given, [float(each) for each in references["score"]])}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return both texts, how alike they are and were found."""
    return {
        "sentence1": row["sentence1"],
        "sentence2": row["sentence2"],
        "reference": float(row["score"]),
        "prediction": round(float(prediction["similarity"]), 4),
    }


SENTENCE_SIMILARITY = TaskType(
    name="sentence-similarity",
    version=1,
    summary="How alike an encoder finds two texts, beside how alike people found them.",
    columns=(SENTENCE1, SENTENCE2, SCORE),
    prediction=PREDICTION,
    metrics=(("spearmanr", {}), ("pearsonr", {})),
    batch_cost=4096,
    cost_unit="tokens",
    preprocessing=("max_tokens",),
    align=embedding.align,
    open=open_comparer,
    evidence=evidence,
    judged_by=("numbers",),
    sample=sample,
    answers={"numbers": "similarity"},
    align_answers=no_labels,
)
