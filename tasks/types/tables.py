"""Tables: rows of named columns, as scikit-learn's estimators take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.inference import estimators
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Item, Options, Row
from tasks.types.contract import Column

FEATURES = Column(
    name="features",
    role="input",
    accepts=frozenset(
        {"numbers", "integers", "words", "labels", "number", "integer", "text", "label", "other"}
    ),
    typical="numbers",
    aliases=(),
    help="the columns the model knows a row by, with commas between their names",
    rest=True,
)


class Table:
    """An estimator with the columns it takes, by name where it knows their names."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.estimator = estimators.load(checkpoint)
        fields = list(options.fields)
        self._columns = estimators.chosen(self.estimator, fields, checkpoint.name)
        self._places = [fields.index(name) for name in self._columns]
        self._named = estimators.columns(self.estimator) is not None

    def prepared(self, rows: Sequence[Row]) -> list[Item]:
        """Take the model's columns of each row; each row costs one."""
        found = []
        for row in rows:
            values = row["features"] if isinstance(row["features"], list) else [row["features"]]
            found.append(Item([values[place] for place in self._places], cost=1.0))
        return found

    def matrix(self, items: Sequence[Item]) -> Any:
        """Return rows as the estimator was fitted on them: a data frame, or an array of numbers."""
        import numpy as np
        import pandas as pd

        values = [item.features for item in items]
        return pd.DataFrame(values, columns=self._columns) if self._named else np.asarray(values)
