"""A result to publish, as MLflow would give it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tasks.publish.results import Result, Value

RESULT = Result(
    run_id="0" * 32,
    model="acme/topic",
    model_commit="a" * 40,
    model_on_hub=True,
    task="text-classification",
    dataset="acme/reviews",
    dataset_on_hub=True,
    config=None,
    split="test",
    revision="b" * 40,
    limit=None,
    rows=60,
    failed=0,
    scores={"accuracy": Value(0.9, 0.8, 0.96), "f1_macro": Value(0.85, 0.75, 0.93)},
    metrics=({"name": "accuracy"}, {"name": "f1", "average": "macro"}),
    columns={"text": "text", "label": "topic"},
    level=0.95,
    settings={
        "seed": "0",
        "dtype": "float32",
        "device": "cpu",
        "resamples": "500",
        "version_torch": "2.13.0",
    },
    predictions="c" * 64,
    finished=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def result(accuracy: float = 0.9, **more: Any) -> Result:
    """Return the result, with another accuracy or whatever else is changed."""
    scores = {**RESULT.scores, "accuracy": Value(accuracy, accuracy - 0.1, accuracy + 0.06)}
    return replace(RESULT, **{"scores": scores, **more})
