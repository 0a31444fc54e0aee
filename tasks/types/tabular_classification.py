"""Tabular classification: one label for a row of a table, by scikit-learn models stored with skops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.inference import estimators
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import classification
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import align_classes
from tasks.types.nesting import parts
from tasks.types.tables import FEATURES, Table

if TYPE_CHECKING:
    import datasets

LABEL = Column(
    name="label",
    role="reference",
    accepts=classification.LABEL.accepts,
    typical="label",
    aliases=(*classification.LABEL.aliases, "y", "outcome", "species", "variety"),
    help="the right class",
)


class RowClassifier:
    """A classifier of rows."""

    network = None

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._table = Table(checkpoint, options)
        self._names = names(self._table.estimator)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Take the columns the model knows; each row costs one."""
        return self._table.prepared(rows)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Classify a batch, with probabilities where the model has them."""
        estimator, given = self._table.estimator, self._table.matrix(items)
        labels = [str(label) for label in estimator.predict(given)]
        if not hasattr(estimator, "predict_proba"):
            return lambda: [{"label": label, "score": None, "probabilities": None} for label in labels]
        matrix = estimator.predict_proba(given)
        return lambda: [
            {"label": label, "score": row[self._names.index(label)], "probabilities": row}
            for label, row in zip(labels, matrix, strict=True)
        ]


def names(estimator: Any) -> list[str]:
    """Return the labels of a classifier, in the order of its probabilities; none for another estimator."""
    return [str(label) for label in getattr(estimator, "classes_", ())]


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the classifier's labels to the dataset's, and its columns to the features.

    Raises:
        Refused: The model holds types that are not trusted.
        BadEvaluation: It is no classifier, or was fitted on columns that are not there.
        BadLabels: A label of the dataset is none of the model's.
    """
    estimator = estimators.load(checkpoint)
    estimators.chosen(estimator, parts(columns["features"], features), checkpoint.name)
    return align_classes(features, columns, rows, names(estimator), overrides, checkpoint.name)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return labels, and probabilities where the model has them."""
    return classification.evidence(predictions, references, alignment)


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the row's values, the right label and the predicted one."""
    predicted = alignment.to_dataset.get(prediction["label"], prediction["label"])
    return {
        "features": str(row["features"]),
        "reference": row["label"],
        "prediction": predicted,
        "confidence": None if prediction["score"] is None else round(float(prediction["score"]), 4),
        "right": predicted == row["label"],
    }


TABULAR_CLASSIFICATION = TaskType(
    name="tabular-classification",
    version=1,
    summary="One label for a row of a table, by a scikit-learn model stored with skops.",
    columns=(FEATURES, LABEL),
    prediction=classification.PREDICTION,
    metrics=classification.METRICS,
    batch_cost=4096,
    cost_unit="rows",
    preprocessing=("fields",),
    align=align,
    open=RowClassifier,
    evidence=evidence,
    judged_by=("labels", "probabilities"),
    sample=sample,
    form="skops",
    answers={"labels": "label"},
    align_answers=classification.align,
)
