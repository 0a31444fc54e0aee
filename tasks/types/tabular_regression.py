"""Tabular regression: a number for a row of a table, by scikit-learn models stored with skops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.inference import estimators
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import no_labels
from tasks.types.nesting import parts
from tasks.types.tables import FEATURES, Table

if TYPE_CHECKING:
    import datasets

TARGET = Column(
    name="target",
    role="reference",
    accepts=frozenset({"number", "integer"}),
    typical="number",
    aliases=("label", "y", "value", "price", "quality", "outcome", "score"),
    help="the right number",
)
PREDICTION = pa.schema([pa.field("value", pa.float64())])


class RowRegressor:
    """A regression of rows."""

    network = None

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._table = Table(checkpoint, options)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Take the columns the model knows; each row costs one."""
        return self._table.prepared(rows)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Predict a batch."""
        values = self._table.estimator.predict(self._table.matrix(items)).reshape(len(items), -1)
        return lambda: [{"value": float(row[0])} for row in values]


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match the model's columns to the features; there are no labels.

    Raises:
        Refused: The model holds types that are not trusted.
        BadEvaluation: It was fitted on columns that are not there.
    """
    estimator = estimators.load(checkpoint)
    estimators.chosen(estimator, parts(columns["features"], features), checkpoint.name)
    return Alignment()


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right numbers."""
    return {"numbers": Judged(list(predictions["value"]), [float(each) for each in references["target"]])}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the row's values, the right number and the predicted one."""
    right = float(row["target"])
    return {
        "features": str(row["features"]),
        "reference": right,
        "prediction": prediction["value"],
        "error": prediction["value"] - right,
    }


TABULAR_REGRESSION = TaskType(
    name="tabular-regression",
    version=1,
    summary="A number for a row of a table, by a scikit-learn model stored with skops.",
    columns=(FEATURES, TARGET),
    prediction=PREDICTION,
    metrics=(("rmse", {}), ("mae", {}), ("r_squared", {})),
    batch_cost=4096,
    cost_unit="rows",
    preprocessing=("fields",),
    align=align,
    open=RowRegressor,
    evidence=evidence,
    judged_by=("numbers",),
    sample=sample,
    form="skops",
    answers={"numbers": "value"},
    align_answers=no_labels,
)
