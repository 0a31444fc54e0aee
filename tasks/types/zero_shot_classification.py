"""Zero-shot classification of texts: the label a model of inference finds to follow from the text.

Each label is put into a hypothesis, and the hypotheses' entailment compared over the labels; where the
dataset gives several labels a row, each is judged by itself, entailment against contradiction.

Source: Yin, Hay and Roth (2019), Benchmarking Zero-shot Text Classification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.errors import BadLabels, listing
from tasks.inference import checkpoints, loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification, label_sets, zero_shot
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import names_in
from tasks.types.nesting import leaves, parts, read
from tasks.types.text_classification import LABEL, TEXT

if TYPE_CHECKING:
    import datasets

TEMPLATE = "This example is {}."
CANDIDATES = Column(
    name="candidate_labels",
    role="input",
    accepts=frozenset({"words"}),
    typical="words",
    aliases=("candidates", "classes", "label_names", "options", "choices"),
    help="the labels to choose from, where rows differ in that; else all of the dataset's",
    required=False,
)
PREDICTION = pa.schema(
    [
        *classification.PREDICTION,
        pa.field("entailments", pa.list_(pa.float32())),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("truncated", pa.bool_()),
    ]
)


class Inferrer:
    """A sequence classifier trained on inference, with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self._tokenizer.truncation_side = "right"
        self.network = loading.model("AutoModelForSequenceClassification", checkpoint, options)
        names = checkpoints.labels(checkpoint)
        self._follows = entailment(names, checkpoint.name)
        against = [place for place, name in enumerate(names) if name.casefold().startswith("contra")]
        others = [place for place in range(len(names)) if place != self._follows]
        self._against = against or others
        self._names = options.candidates
        self._template = options.hypothesis_template or TEMPLATE
        self._threshold = label_sets.THRESHOLD if options.threshold is None else options.threshold
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._padding = Padding.of(self._tokenizer)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise each row's text with each hypothesis; a row costs all their tokens."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        names = [str(each) for each in row.get(CANDIDATES.name) or self._names]
        claims = [self._template.replace("{}", name) for name in names]
        texts = [row["text"]] * len(claims)
        whole = self._tokenizer(texts, claims, verbose=False)
        long = max(map(len, whole["input_ids"])) > self._limit
        if long:
            whole = self._tokenizer(
                texts, claims, truncation="only_first", max_length=self._limit, verbose=False
            )
        fields = [name for name in whole if name in self._tokenizer.model_input_names]
        pairs = [{name: whole[name][number] for name in fields} for number in range(len(claims))]
        return Item((names, pairs, long), cost=float(sum(len(each["input_ids"]) for each in pairs)))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Judge the hypotheses of a batch of rows."""
        pairs = [pair for item in items for pair in item.features[1]]
        found = pieces.outputs(self.network, self._padding, pairs, lambda output, *_: output.logits.float())

        def decode() -> list[dict[str, Any]]:
            logits = np.stack(pieces.gathered([(of, each.cpu().numpy()) for of, each in found]))
            decoded, place = [], 0
            for item in items:
                names, own, long = item.features
                decoded.append({**self._decode(logits[place : place + len(own)], names), "truncated": long})
                place += len(own)
            return decoded

        return decode

    def _decode(self, logits: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
        follows = logits[:, self._follows]
        (one,) = classification.decode(follows[None, :], names)
        against = np.logaddexp.reduce(logits[:, self._against], axis=1)
        alone = 1 / (1 + np.exp(against - follows))
        chosen = [name for name, each in zip(names, alone, strict=True) if each >= self._threshold]
        return {**one, "entailments": alone, "labels": chosen}


def entailment(names: Sequence[str], model: str) -> int:
    """Return the number of the label that means that a hypothesis follows.

    Raises:
        BadLabels: There is none, so that the model is none of inference.

    >>> entailment(["CONTRADICTION", "NEUTRAL", "ENTAILMENT"], "m")
    2
    """
    for place, name in enumerate(names):
        if name.casefold().startswith("entail"):
            return place
    raise BadLabels(
        f"The model '{model}' has no label 'entailment', by which hypotheses are judged; it has "
        f"{listing(names, 8)}."
    )


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Word the dataset's labels as candidates, and see that the model is one of inference.

    Raises:
        BadLabels: It is not, or labels are hidden.
        UnknownName: A candidate stands for a label that the dataset lacks.
    """
    entailment(checkpoints.labels(checkpoint), checkpoint.name)
    if CANDIDATES.name in columns:
        return Alignment()
    column = columns["label"]
    if "label_sets" not in gives(features, columns):
        return zero_shot.align(features, columns, rows, checkpoint, overrides)
    joined = parts(column, features)
    if len(joined) > 1:
        return replace(zero_shot.worded(joined, overrides), layout=label_sets.INDICATORS)
    values = {label for row in read(rows, column) for label in (row or [])}
    return zero_shot.worded(names_in(leaves(features)[column].feature, values), overrides)


def align_answers(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the labels of predictions made elsewhere to the dataset's."""
    if CANDIDATES.name in columns:
        return Alignment()
    return label_sets.align(features, columns, rows, checkpoint, overrides)


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is judged, by what the `label` column holds and whether rows bring their own labels."""
    if CANDIDATES.name in columns:
        return ("labels",)
    given = label_sets.gives(features, columns)
    return given if "label_sets" in given else ("labels", "probabilities")


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the labels chosen and right: one a row with probabilities, or sets."""
    right = references["label"]
    if not alignment.model_labels:
        return {"labels": Judged(list(predictions["label"]), list(right))}
    if all(isinstance(each, str) for each in right):
        return classification.evidence(predictions, references, alignment)
    fields = {name: predictions[name] for name in ("label", "labels")}
    return label_sets.evidence({**fields, "probabilities": predictions["entailments"]}, references, alignment)


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the text, what is right of it and what was chosen."""
    return {"text": row["text"], **label_sets.verdict(prediction, row, alignment)}


ZERO_SHOT_CLASSIFICATION = TaskType(
    name="zero-shot-classification",
    version=1,
    summary="The label that follows from a text, by models of inference that were not trained on the labels.",
    columns=(TEXT, CANDIDATES, LABEL),
    prediction=PREDICTION,
    metrics=(*classification.METRICS, *label_sets.METRICS[:3]),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=("max_tokens", "candidates", "hypothesis_template", "threshold"),
    align=align,
    open=Inferrer,
    evidence=evidence,
    judged_by=("labels", "probabilities", "label_sets", "label_scores"),
    sample=sample,
    gives=gives,
    answers={"label_sets": "labels", "labels": "label"},
    align_answers=align_answers,
)
