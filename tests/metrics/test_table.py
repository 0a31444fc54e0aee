"""The table of metrics: what it says of each is what the metric does."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tasks.metrics import (
    METRICS,
    areas,
    classification,
    correlation,
    multilabel,
    probabilities,
    regression,
    retrieval,
    sequences,
    transcripts,
)

EXAMPLES: dict[str, tuple[Any, Any]] = {
    "labels": ([1, 0, 1], [1, 0, 0]),
    "probabilities": ([{"a": 0.5, "b": 0.3, "c": 0.2}] * 2, ["a", "b"]),
    "label_sets": ([{"a"}, {"b"}], [{"a"}, {"a", "b"}]),
    "label_scores": ([{"a": 0.5, "b": 0.3}] * 2, [{"a"}, {"a", "b"}]),
    "numbers": ([1.0, 2.0, 4.0], [1.0, 3.0, 2.0]),
    "rankings": ([["a", "b"]], [["b"]]),
    "tags": ([["B-PER", "O"]], [["B-PER", "O"]]),
    "texts": (["a b"], ["a c"]),
}
MODULES = (
    areas,
    classification,
    correlation,
    multilabel,
    probabilities,
    regression,
    retrieval,
    sequences,
    transcripts,
)
KNOWN = [name for name, each in METRICS.items() if inspect.getmodule(each.measure) in MODULES]


@pytest.mark.parametrize("name", KNOWN)
def test_a_metric_is_as_its_line_says(name: str) -> None:
    metric = METRICS[name]
    predictions, references = EXAMPLES[metric.takes]
    arguments = {"k": 2} if name == "top_k_accuracy" else {}
    measured = metric.measure(predictions, references, **arguments)
    totals = measured.statistics.total()
    found = measured.score(totals)
    assert list(found) == list(measured.higher_is_better)
    assert next(iter(measured.higher_is_better.values())) == metric.higher_is_better
    # Scores are of any number of samples at once.
    several = measured.score(totals[None, :].repeat(3, axis=0))
    assert {key: values.shape for key, values in several.items()} == dict.fromkeys(found, (3,))
    assert set(measured.proportions) <= set(found)


def test_families_are_named_by_their_modules() -> None:
    assert METRICS["accuracy"].family == "Classification"
    assert METRICS["spearmanr"].family == "Correlation"
    assert all(each.family != "Other" and "\n" not in each.family for each in METRICS.values())
