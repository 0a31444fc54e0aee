"""A suite of small evaluations, each of one model on rows of its own: real models on the demo's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MESSAGES = {
    "task": "text-classification",
    "columns": {"text": "text", "label": "topic"},
    "metrics": [{"name": "accuracy"}, {"name": "matthews_correlation"}],
}
DIGITS = {
    "task": "image-classification",
    "columns": {"image": "image", "label": "label"},
    "metrics": [{"name": "accuracy"}],
}
MODELS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("messages-topic-small", "messages", MESSAGES),
    ("messages-topic-large", "messages", MESSAGES),
    ("digits-vit-nano", "digits", DIGITS),
    ("digits-resnet", "digits", DIGITS),
    ("digits-vit-small", "digits", DIGITS),
)
CHUNK_ROWS = 5
"""Small chunks, so that a kill finds some of a model's chunks there and others not."""


def evaluations(demo: Path, count: int) -> list[dict[str, Any]]:
    """Return evaluations of which no two are of the same model and rows.

    Args:
        demo: The demo's models and data.
        count: How many.
    """
    found = []
    for number in range(count):
        name, data, about = MODELS[number % len(MODELS)]
        limit = 40 + 2 * (number // len(MODELS))
        settings: dict[str, Any] = {"chunk_rows": CHUNK_ROWS, "device": "cpu", "dtype": "float32"}
        found.append(
            {
                **about,
                "dataset": {"path": str(demo / "data" / data), "split": "test", "limit": limit},
                "models": [{"name": str(demo / "models" / name)}],
                "settings": settings,
            }
        )
    return found


def suite(name: str, demo: Path, count: int) -> dict[str, Any]:
    """Return the parameters of a suite of so many evaluations."""
    every = evaluations(demo, count)
    entries = [
        {"name": f"{Path(each['models'][0]['name']).name} {each['dataset']['limit']}", **each}
        for each in every
    ]
    return {"name": name, "evaluations": entries}
