"""Label sets and numbers: what classifiers give that see several labels in a row, or none but a number.

What a dataset's `label` column holds decides what is judged: a list of labels a row is a set, a fraction a
number, anything else one label. Sets come as lists of names, or as several columns of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadLabels, listing
from tasks.inference import checkpoints
from tasks.inference.checkpoints import Checkpoint
from tasks.types import classification
from tasks.types.contract import Alignment, Judged, Rows
from tasks.types.labels import HIDDEN, match, names_in
from tasks.types.nesting import leaves, parts, read

if TYPE_CHECKING:
    import datasets

INDICATORS = "indicators"
"""The layout of labels given as a column of 0 and 1 each."""

METRICS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("multilabel_f1", {"average": "macro"}),
    ("multilabel_f1", {"average": "micro"}),
    ("subset_accuracy", {}),
    ("spearmanr", {}),
    ("pearsonr", {}),
    ("mse", {}),
)
JUDGED_BY = ("label_sets", "label_scores", "numbers")
ANSWERS = {"label_sets": "labels", "labels": "label", "numbers": "score"}
"""The field that a prediction made elsewhere has to have, by what it is judged as."""
THRESHOLD = 0.5


def decode(
    logits: NDArray[np.float32], names: Sequence[str], threshold: float | None
) -> list[dict[str, Any]]:
    """Turn logits of shape (rows, labels) into predictions of several labels, each with its own probability.

    >>> decode(np.array([[2.0, -2.0, 1.0]]), ["a", "b", "c"], None)[0]["labels"]
    ['a', 'c']
    """
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    least = THRESHOLD if threshold is None else threshold
    return [
        {
            "label": names[int(row.argmax())],
            "score": row.max(),
            "probabilities": row,
            "labels": [name for name, each in zip(names, row, strict=True) if each >= least],
        }
        for row in probabilities
    ]


def decoder(
    checkpoint: Checkpoint, threshold: float | None
) -> Callable[[NDArray[np.float32]], list[dict[str, Any]]]:
    """Return what turns a classifier's logits into predictions: one label, several, or a number."""
    names = checkpoints.labels(checkpoint)
    if measures(checkpoint):
        return lambda logits: [{"score": row[0]} for row in logits]
    if several(checkpoint):
        return lambda logits: decode(logits, names, threshold)
    return lambda logits: classification.decode(logits, names)


def several(checkpoint: Checkpoint) -> bool:
    """Tell whether a model says that a row may have several labels."""
    return bool(checkpoints.config(checkpoint).get("problem_type") == "multi_label_classification")


def measures(checkpoint: Checkpoint) -> bool:
    """Tell whether a model gives a number rather than labels."""
    stated = checkpoints.config(checkpoint).get("problem_type")
    return stated == "regression" or (
        stated != "single_label_classification" and len(checkpoints.labels(checkpoint)) == 1
    )


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is judged, by what the `label` column holds."""
    import datasets

    feature = leaves(features).get(columns["label"])
    if feature is None or isinstance(feature, datasets.List | datasets.LargeList):
        return ("label_sets", "label_scores")
    dtype = str(getattr(feature, "dtype", ""))
    if isinstance(feature, datasets.ClassLabel) or not dtype.startswith(("float", "double", "int", "uint")):
        return ("labels", "probabilities")
    return ("numbers",) if dtype.startswith(("float", "double")) else ("labels", "probabilities", "numbers")


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match labels by name, and see that model and dataset agree on how many a row has.

    Raises:
        BadLabels: They do not agree, labels are hidden, or one is none of the model's.
    """
    given = gives(features, columns)
    if measures(checkpoint):
        if "numbers" not in given:
            raise BadLabels(
                f"The model '{checkpoint.name}' gives a number, and '{columns['label']}' holds labels."
            )
        if set(read(rows, columns["label"])) <= {HIDDEN, None}:
            raise BadLabels("The right numbers of this split are hidden (all -1); choose another split.")
        return Alignment()
    if "label_sets" in given:
        if not several(checkpoint):
            raise BadLabels(
                f"A row of '{columns['label']}' has several labels, and the model '{checkpoint.name}' gives "
                "one: its problem_type is not multi_label_classification."
            )
        return _sets(features, columns["label"], rows, checkpoint, overrides)
    if "labels" not in given:
        raise BadLabels(
            f"The model '{checkpoint.name}' gives labels ({listing(checkpoints.labels(checkpoint), 5)}), and "
            f"'{columns['label']}' holds numbers."
        )
    return classification.align(features, columns, rows, checkpoint, overrides)


def _sets(
    features: datasets.Features,
    column: str,
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    joined = parts(column, features)
    labels = checkpoints.labels(checkpoint)
    if len(joined) > 1:
        return replace(match(labels, joined, overrides, checkpoint.name), layout=INDICATORS)
    values: Iterable[Any] = {label for row in read(rows, column) for label in (row or [])}
    return match(labels, names_in(leaves(features)[column].feature, values), overrides, checkpoint.name)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return what was predicted and what is right: sets of labels, numbers, or one label a row."""
    right = references["label"]
    if all(label is None for name in ("label", "labels") for label in predictions[name]):
        scores = [float(each) for each in predictions["score"]]
        return {"numbers": Judged(scores, [float(each) for each in right])}
    if all(isinstance(each, str) for each in right):
        return classification.evidence(predictions, references, alignment)
    sets = [right_set(row, alignment) for row in right]
    given = [{alignment.to_dataset.get(each, each) for each in row} for row in predictions["labels"]]
    extra = sorted({each for row in given for each in row} - set(alignment.dataset_labels))
    sets_judged = Judged(given, sets, {"labels": [*alignment.dataset_labels, *extra]})
    if any(row is None for row in predictions["probabilities"]):
        return {"label_sets": sets_judged}
    names, scores_of = classification.in_dataset_words(predictions["probabilities"], alignment)
    known = [names.index(name) for name in alignment.dataset_labels]
    return {
        "label_sets": sets_judged,
        "label_scores": Judged(scores_of[:, known], sets, {"labels": list(alignment.dataset_labels)}),
    }


def right_set(row: Sequence[str], alignment: Alignment) -> set[str]:
    """Return the right labels of a row, be they named or marked by 0 and 1.

    >>> sorted(right_set(["0", "1"], Alignment(("rude", "kind"), layout=INDICATORS)))
    ['kind']
    """
    if alignment.layout != INDICATORS:
        return set(row)
    return {name for name, mark in zip(alignment.dataset_labels, row, strict=True) if float(mark)}


def verdict(
    prediction: Mapping[str, Any], reference: Mapping[str, Any], alignment: Alignment
) -> dict[str, Any]:
    """Return what a person wants to see of one row, beside its input."""
    right = reference["label"]
    if prediction["label"] is None and prediction["labels"] is None:
        number = float(prediction["score"])
        return {
            "reference": float(right),
            "prediction": round(number, 4),
            "off by": round(abs(number - float(right)), 4),
        }
    if isinstance(right, str):
        return classification.verdict(prediction, reference, alignment)
    sets = right_set(right, alignment)
    given = {alignment.to_dataset.get(each, each) for each in prediction["labels"]}
    return {
        "reference": ", ".join(sorted(sets)),
        "prediction": ", ".join(sorted(given)),
        "missed": ", ".join(sorted(sets - given)),
        "right": sets == given,
    }
