"""What text and image classification share: predictions with probabilities, and what metrics take of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.inference import checkpoints
from tasks.inference.checkpoints import Checkpoint
from tasks.types.contract import Alignment, Column, Judged, Rows
from tasks.types.labels import align_classes

if TYPE_CHECKING:
    import datasets

LABEL = Column(
    name="label",
    role="reference",
    accepts=frozenset({"label", "text", "integer"}),
    typical="label",
    aliases=(
        "labels",
        "target",
        "class",
        "category",
        "topic",
        "intent",
        "emotion",
        "sentiment",
        "coarse_label",
    ),
    help="the right class",
)
PREDICTION = pa.schema(
    [
        pa.field("label", pa.string()),
        pa.field("score", pa.float32()),
        pa.field("probabilities", pa.list_(pa.float32())),
    ]
)
METRICS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("accuracy", {}),
    ("f1", {"average": "macro"}),
    ("precision", {"average": "macro"}),
    ("recall", {"average": "macro"}),
)


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the checkpoint's label names to the dataset's; raises `BadLabels` where that cannot be."""
    return align_classes(features, columns, rows, checkpoints.labels(checkpoint), overrides, checkpoint.name)


def decode(logits: NDArray[np.float32], names: Sequence[str]) -> list[dict[str, Any]]:
    """Turn logits of shape (rows, labels) into predictions with softmax probabilities.

    >>> decode(np.array([[0.0, 2.0]], dtype=np.float32), ["no", "yes"])[0]["label"]
    'yes'
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    best = logits.argmax(axis=1)
    return [
        {"label": names[choice], "score": row[choice], "probabilities": row}
        for choice, row in zip(best, probabilities, strict=True)
    ]


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right label names in the dataset's words, and probabilities if known."""
    predicted = [alignment.to_dataset.get(label, label) for label in predictions["label"]]
    right = list(references["label"])
    if any(row is None for row in predictions["probabilities"]):
        return {"labels": Judged(predicted, right)}
    names, probabilities = in_dataset_words(predictions["probabilities"], alignment)
    return {
        "labels": Judged(predicted, right),
        "probabilities": Judged(probabilities, right, {"labels": names}),
    }


def in_dataset_words(
    probabilities: Sequence[Sequence[float]], alignment: Alignment
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the label of each column and the probabilities; of labels that mean the same they are added up.

    >>> same = Alignment(("no", "yes"), {"N": "no", "Y": "yes", "YY": "yes"}, (), ("Y", "N", "YY"))
    >>> names, matrix = in_dataset_words([[0.5, 0.25, 0.25]], same)
    >>> names, matrix.tolist()
    (['yes', 'no'], [[0.75, 0.25]])
    """
    columns = [alignment.to_dataset.get(label, label) for label in alignment.model_labels]
    names = list(dict.fromkeys(columns))
    matrix = np.asarray(probabilities, dtype=np.float32).reshape(len(probabilities), len(columns))
    summed = np.zeros((len(matrix), len(names)), dtype=np.float32)
    for number, name in enumerate(columns):
        summed[:, names.index(name)] += matrix[:, number]
    return names, summed


def verdict(
    prediction: Mapping[str, Any], reference: Mapping[str, Any], alignment: Alignment
) -> dict[str, Any]:
    """Return what a person wants to see of one classified row, beside its input."""
    predicted = alignment.to_dataset.get(prediction["label"], prediction["label"])
    return {
        "reference": reference["label"],
        "prediction": predicted,
        "confidence": None if prediction["score"] is None else round(float(prediction["score"]), 4),
        "right": predicted == reference["label"],
    }
