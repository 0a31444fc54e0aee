"""Token classification: one tag a word, for entities or parts of speech.

A word's tag is that of its first sub-word. Words cut off by truncation count as outside (O) and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import BadEvaluation
from tasks.inference import checkpoints, loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import names_in
from tasks.types.tags import OUTSIDE, match_tags

if TYPE_CHECKING:
    import datasets

TOKENS = Column(
    name="tokens",
    role="input",
    accepts=frozenset({"words"}),
    typical="words",
    aliases=("words", "token", "sentence", "text"),
    help="the words of a text",
)
TAGS = Column(
    name="tags",
    role="reference",
    accepts=frozenset({"labels", "words", "integers"}),
    typical="labels",
    aliases=("ner_tags", "labels", "ner", "pos_tags", "upos", "pos", "chunk_tags"),
    help="the right tag of each word",
)
PREDICTION = pa.schema(
    [
        pa.field("tags", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float32())),
        pa.field("lost_words", pa.int32()),
    ]
)


class Tagger:
    """A token classifier with its (fast) tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        if not self._tokenizer.is_fast:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has only a slow tokenizer, which cannot tell which sub-word "
                "belongs to which word."
            )
        if "add_prefix_space" in self._tokenizer.init_kwargs or hasattr(self._tokenizer, "add_prefix_space"):
            self._tokenizer = loading.tokenizer(checkpoint, options, add_prefix_space=True)
        self.network = loading.model("AutoModelForTokenClassification", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        # Decoding goes by position from the left, whatever side the tokenizer pads.
        self._padding = replace(Padding.of(self._tokenizer), left=False)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise the words of rows, cut to what the model takes; a row costs its tokens."""
        words = [list(row["tokens"]) for row in rows]
        encoded = self._tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=self._limit, verbose=False
        )
        names = [name for name in encoded if name in self._tokenizer.model_input_names]
        items = []
        for number, row in enumerate(words):
            first: dict[int, int] = {}
            for position, word in enumerate(encoded.word_ids(number)):
                if word is not None:
                    first.setdefault(word, position)
            inputs = {name: encoded[name][number] for name in names}
            items.append(Item((inputs, len(row), first), cost=float(len(inputs["input_ids"]))))
        return items

    def forward(self, items: Sequence[Item]) -> Decode:
        """Tag a batch."""
        batch = self._padding.batch([item.features[0] for item in items])
        logits = loading.run(self.network, batch).logits

        def decode() -> list[dict[str, Any]]:
            probabilities = logits.float().softmax(-1).cpu().numpy()
            return [
                self._decode(row, words, first)
                for row, (_, words, first) in zip(
                    probabilities, (item.features for item in items), strict=True
                )
            ]

        return decode

    def _decode(self, probabilities: Any, words: int, first: Mapping[int, int]) -> dict[str, Any]:
        tags = [OUTSIDE] * words
        scores = np.zeros(words, dtype=np.float32)
        for word, position in first.items():
            best = int(probabilities[position].argmax())
            tags[word], scores[word] = self._names[best], probabilities[position][best]
        last = max(first, default=-1)
        return {"tags": tags, "scores": scores, "lost_words": words - 1 - last}


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the checkpoint's tags to the dataset's by entity type, once tokens and tags are known to pair up.

    Raises:
        BadEvaluation: A row has more tags than tokens, or fewer.
        BadLabels: An entity type of the dataset is none of the model's.
    """
    table = rows.with_format("arrow")[:]
    differ = pc.not_equal(
        pc.list_value_length(table[columns["tokens"]]), pc.list_value_length(table[columns["tags"]])
    )
    uneven = pc.index(differ, True).as_py()
    if uneven >= 0:
        raise BadEvaluation(
            f"Row {uneven} has another number of values in '{columns['tokens']}' than in '{columns['tags']}'."
        )
    tags = table[columns["tags"]].combine_chunks().flatten()
    names = names_in(features[columns["tags"]].feature, tags.unique().to_pylist())
    return match_tags(checkpoints.labels(checkpoint), names, overrides, checkpoint.name)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right tags, one list a row, in the dataset's words."""
    mapped = [[alignment.to_dataset.get(tag, tag) for tag in tags] for tags in predictions["tags"]]
    return {"tags": Judged(mapped, list(references["tags"]))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the words with the right and the predicted entities, and the words tagged wrongly."""
    predicted = [alignment.to_dataset.get(tag, tag) for tag in prediction["tags"]]
    words = list(row["tokens"])
    wrong = [
        f"{word}: {tag} for {right}"
        for word, tag, right in zip(words, predicted, row["tags"], strict=True)
        if tag != right
    ]
    return {
        "text": " ".join(words),
        "reference": marked(words, row["tags"]),
        "prediction": marked(words, predicted),
        "wrong": "; ".join(wrong),
        "right": not wrong,
    }


def marked(words: Sequence[str], tags: Sequence[str]) -> str:
    """Write tagged words out, the outside ones bare.

    >>> marked(["Ada", "came"], ["B-PER", "O"])
    'Ada/B-PER came'
    """
    return " ".join(
        word if tag == OUTSIDE else f"{word}/{tag}" for word, tag in zip(words, tags, strict=True)
    )


TOKEN_CLASSIFICATION = TaskType(
    name="token-classification",
    version=1,
    summary="One tag a word: named entities, personal data, parts of speech.",
    columns=(TOKENS, TAGS),
    prediction=PREDICTION,
    metrics=(("seqeval", {}),),
    batch_cost=2048,
    cost_unit="tokens",
    preprocessing=("max_tokens",),
    align=align,
    open=Tagger,
    evidence=evidence,
    judged_by=("tags",),
    sample=sample,
)
