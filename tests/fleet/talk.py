"""An evaluation whose model takes a while over every answer, which its prompt alone decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets

from tasks import candidates, load
from tasks.candidates import Candidate
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.plan import Plan, requests
from tasks.types import task_type
from tests.endpoint.server import MODEL, Talker, answer

ROWS, CHUNK_ROWS = 120, 4


def right() -> list[str]:
    """Return what the model says to every row."""
    return [answer(f"what of number {row}") for row in range(ROWS)]


def described(folder: Path, talker: Talker, **settings: Any) -> dict[str, Any]:
    """Write the rows, and describe the evaluation."""
    prompts = [f"what of number {row}" for row in range(ROWS)]
    made = datasets.Dataset.from_dict({"prompt": prompts, "answer": right()})
    made.save_to_disk(folder / "talk")
    return {
        "task": "text-generation",
        "dataset": {"path": str(folder / "talk")},
        "models": [{"name": MODEL, "endpoint": talker.address, "concurrency": 2}],
        "settings": {"chunk_rows": CHUNK_ROWS, **settings},
    }


def planned(described: dict[str, Any]) -> tuple[Plan, Candidate]:
    """Plan a described evaluation."""
    evaluation = parse(described)
    rows = load.load(evaluation.dataset, 0)
    kind = task_type(evaluation.task)
    mapping = map_columns(kind, load.open_rows(rows).features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    return plan, candidates.decide(plan)[0]
