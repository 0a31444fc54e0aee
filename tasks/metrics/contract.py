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
    "label_sets",
    "label_scores",
    "tags",
    "texts",
    "numbers",
    "rankings",
    "answers",
    "answer_lists",
    "edits",
    "images",
    "prompts",
    "maps",
    "depths",
    "boxes",
    "choices",
    "likelihoods",
    "anything",
]
"""What a metric takes.

Class labels, class probabilities, sets of labels, scores of labels beside sets of right ones, tag sequences,
texts, numbers, ranked documents, answers in SQuAD's form, answers beside lists of right ones, edited texts
beside their sources, images, images with the prompts they were made from, segmentation maps, depth maps,
boxes (or masks) with scores and labels, log-likelihoods of choices, log-likelihoods of texts; or whatever
the task type gives.
"""

Interval = Literal["wilson", "clopper-pearson", "percentile", "bca", "jackknife"]
"""How an interval was found."""


@dataclass(frozen=True)
class Score:
    """A metric's value with its confidence interval and the rows behind it.

    Attributes:
        value: The score; NaN where it is not defined on these rows.
        low: Lower end of the interval; None where there is none.
        high: Upper end of the interval; None where there is none.
        n: Rows.
        higher_is_better: The direction.
        method: How the interval was found; None where there is none.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    higher_is_better: bool = True
    method: Interval | None = None


@dataclass(frozen=True)
class Measurement:
    """What a metric made of predictions and references.

    Attributes:
        statistics: Per-row sufficient statistics.
        score: From totals of shape (..., k) to score key -> values of shape (...); the headline key first.
        higher_is_better: Direction by score key.
        details: Tables of per-class or per-type detail, by name.
        tags: What a score means exactly, as a tokenizer's signature.
        proportions: Score keys that are a plain share of rows, each row a hit or a miss, with the value that
            stands for all rows being hits: 1, or 100 for percent. Their intervals are closed forms.
        most_resamples: How many bootstrap samples it can afford where a score is costly; None for any number.
        centred: Whether drawing rows more than once moves the score itself (of curves, of distances between
            sets), so that the interval is the spread of the samples around the score, not their quantiles.
        influence: From the weights of rows to how much each row's weight moves each score, shape (rows,):
            the derivative of `score`, which spares many rows the drawing. None where it is not known.
    """

    statistics: Statistics
    score: Callable[[FloatArray], dict[str, FloatArray]]
    higher_is_better: Mapping[str, bool]
    details: Mapping[str, list[dict[str, object]]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    proportions: Mapping[str, float] = field(default_factory=dict)
    most_resamples: int | None = None
    centred: bool = False
    influence: Callable[[FloatArray], dict[str, FloatArray]] | None = None

    def affordable(self, resamples: int) -> int:
        """Return how many bootstrap samples to draw where `resamples` were asked for."""
        return resamples if self.most_resamples is None else min(resamples, self.most_resamples)


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
        name: Its name.
        takes: What it takes.
        measure: The function `measure(predictions, references, **arguments)`.
        higher_is_better: The direction of its first score, for its description.
        check: `check(**arguments)`, where there is one, raises a `UserError` for what cannot work (a model
            that is not there), before anything is predicted.
        of_a_row: What a single row has of its first score, by default arguments: a `hit` or a miss, which
            McNemar's test takes; a `score` of its own, which Wilcoxon's takes; or `nothing`.
    """

    name: str
    takes: Evidence
    measure: Callable[..., Measurement]
    higher_is_better: bool = True
    check: Callable[..., None] | None = None
    of_a_row: Literal["hit", "score", "nothing"] = "score"

    @property
    def summary(self) -> str:
        """The first line of what the metric says of itself."""
        return (inspect.getdoc(self.measure) or "").partition("\n")[0]

    @property
    def family(self) -> str:
        """What kind of metric it is: the words before the colon in its module's docstring."""
        module = inspect.getmodule(self.measure)
        return ((module and module.__doc__) or "Other:").partition(":")[0]

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments with their defaults; `inspect.Parameter.empty` for one that must be given."""
        taken = list(inspect.signature(self.measure).parameters.values())[2:]
        return {each.name: each.default for each in taken}
