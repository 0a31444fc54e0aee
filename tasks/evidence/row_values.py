"""Row values: how well each row did by itself, and how long its input was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.columns import feature_kind
from tasks.data.sampling import SAMPLED, sampled
from tasks.load import open_rows
from tasks.metrics.contract import Measurement
from tasks.metrics.effects import row_scores
from tasks.metrics.statistics import FloatArray, Weighted
from tasks.plan import Plan
from tasks.score import fitting, measure
from tasks.types.contract import Judged
from tasks.types.nesting import leaves, read

MEDIA = {"image", "audio"}


@dataclass(frozen=True)
class RowValues:
    """How well each judged row did.

    Attributes:
        name: What the values are, as a score's key.
        values: One a row, shape (rows,); NaN where a row has none.
        higher_is_better: The direction.
        measurement: What was measured of all rows by the same metric, to be scored on some of them.
        key: Its score's key.
    """

    name: str
    values: FloatArray
    higher_is_better: bool
    measurement: Measurement | None = None
    key: str = ""

    def worst_first(self) -> list[int]:
        """Return the positions of rows with a value, the worst first, equals in their order.

        >>> RowValues("wer", np.array([0.0, 2.0, np.nan]), False).worst_first()
        [1, 0]
        """
        badness = self.values if self.higher_is_better else -self.values
        order = np.argsort(badness, kind="stable")
        return [int(each) for each in order if np.isfinite(badness[each])]


def row_values(plan: Plan, judged: Mapping[str, Judged]) -> RowValues | None:
    """Return how well each row did by the first metric that looks through no model; None without one."""
    # A metric with a check runs a model or another's code: once, for the scores, is enough.
    cheap = [each for each in fitting(plan, judged) if each.metric.check is None]
    if not cheap:
        return None
    measurement = measure(cheap[0], judged)
    key = next(iter(measurement.higher_is_better))
    up = measurement.higher_is_better[key]
    if "labels" in judged:
        hits = _equal(judged["labels"])
        return RowValues("right", hits, True, measurement, key)
    if "label_sets" in judged:
        return RowValues("labels in common", _overlap(judged["label_sets"]), True, measurement, key)
    if "numbers" in judged:
        given, right = (np.asarray(each, dtype=np.float64) for each in _pair(judged["numbers"]))
        off = np.abs(given - right).reshape(len(given), -1).mean(axis=1)
        return RowValues("absolute error", off, False, measurement, key)
    with np.errstate(all="ignore"):
        return RowValues(key, _of_rows(measurement, key), up, measurement, key)


def _pair(judged: Judged) -> tuple[Any, Any]:
    return judged.predictions, judged.references


def _equal(judged: Judged) -> FloatArray:
    pairs = zip(judged.predictions, judged.references, strict=True)
    return np.array([float(given == right) for given, right in pairs])


def _overlap(judged: Judged) -> FloatArray:
    pairs = zip(judged.predictions, judged.references, strict=True)
    return np.array(
        [len(given & right) / max(len(given | right), 1) if given | right else 1.0 for given, right in pairs]
    )


def _of_rows(measurement: Measurement, key: str) -> FloatArray:
    """Return each row's own score; where rows have none, what the sampled ones would score alone."""
    statistics = measurement.statistics
    if not isinstance(statistics, Weighted):
        return row_scores(measurement, key)
    found = np.full(statistics.width, np.nan)
    chosen = sampled(statistics.width, SAMPLED)
    alone = np.zeros((len(chosen), statistics.width))
    alone[np.arange(len(chosen)), chosen] = 1.0
    found[chosen] = measurement.score(alone)[key]
    return found


def lengths(plan: Plan, table: pa.Table, numbers: Sequence[int]) -> tuple[str, FloatArray] | None:
    """Return what the inputs' length is counted in, and that of each row; None where inputs have none.

    Args:
        plan: What is evaluated.
        table: All predictions, one a row.
        numbers: The rows wanted.
    """
    if "seconds" in table.column_names:
        seconds = table["seconds"].to_numpy(zero_copy_only=False).astype(np.float64)
        return "seconds", seconds[np.asarray(numbers, dtype=np.int64)]
    opened = open_rows(plan.rows)
    features = leaves(opened.features)
    mapped = {name: plan.mapping.columns[name] for name in plan.kind.inputs if name in plan.mapping.columns}
    read_by = {
        name: column
        for name, column in mapped.items()
        if column not in features or feature_kind(features[column]) in {"text", "words", "messages"}
    }
    if not read_by:
        return None
    words = all(column.accepts == {"words"} for column in plan.kind.columns if column.name in read_by)
    total = np.zeros(len(numbers))
    for column in read_by.values():
        total += [float(len(value) if words else extent(value)) for value in read(opened, column, numbers)]
    return ("words" if words else "characters"), total


def extent(value: Any) -> int:
    """Return the characters of all texts in a value.

    >>> extent([{"role": "user", "content": "hello"}, None])
    9
    """
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(extent, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return sum(map(extent, value))
    return 0
