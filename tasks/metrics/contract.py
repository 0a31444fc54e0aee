"""What a metric is, and what comes out of one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.metrics.statistics import FloatArray, Statistics

Evidence = Literal[
    "labels",
    "probabilities",
    "tags",
    "texts",
    "numbers",
    "images",
    "prompts",
    "maps",
    "boxes",
    "anything",
]
"""What a metric takes: class labels, class probabilities, tag sequences, texts, numbers, images, images with
the prompts they were made from, segmentation maps, boxes (or masks) with scores and labels; or whatever the
task type gives."""


@dataclass(frozen=True)
class Score:
    """A metric's value with its confidence interval and the rows behind it.

    Attributes:
        value: The score; NaN where it is not defined on these rows.
        low: Lower end of the interval; None where there is none.
        high: Upper end of the interval; None where there is none.
        n: Rows.
        higher_is_better: The direction.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    higher_is_better: bool = True


@dataclass(frozen=True)
class Measurement:
    """What a metric made of predictions and references.

    Attributes:
        statistics: Per-row sufficient statistics.
        score: From totals of shape (..., k) to score key -> values of shape (...); the headline key first.
        higher_is_better: Direction by score key.
        details: Tables of per-class or per-type detail, by name.
        tags: What a score means exactly, as a tokenizer's signature.
        most_resamples: How many bootstrap samples it can afford where a score is costly; None for any number.
        centred: Whether drawing rows more than once moves the score itself (of curves, of distances between
            sets), so that the interval is the spread of the samples around the score, not their quantiles.
    """

    statistics: Statistics
    score: Callable[[FloatArray], dict[str, FloatArray]]
    higher_is_better: Mapping[str, bool]
    details: Mapping[str, list[dict[str, object]]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    most_resamples: int | None = None
    centred: bool = False

    def affordable(self, resamples: int) -> int:
        """Return how many bootstrap samples to draw where `resamples` were asked for."""
        return resamples if self.most_resamples is None else min(resamples, self.most_resamples)


@dataclass(frozen=True)
class Metric:
    """A metric by name: what it takes, and the function `measure(predictions, references, **arguments)`.

    `check(**arguments)`, where there is one, raises a `UserError` for what cannot work (a model that is not
    there), before anything is predicted.
    """

    name: str
    takes: Evidence
    measure: Callable[..., Measurement]
    check: Callable[..., None] | None = None

    @property
    def summary(self) -> str:
        """The first line of what the metric says of itself."""
        return (inspect.getdoc(self.measure) or "").partition("\n")[0]

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments with their defaults; `inspect.Parameter.empty` for one that must be given."""
        taken = list(inspect.signature(self.measure).parameters.values())[2:]
        return {each.name: each.default for each in taken}
