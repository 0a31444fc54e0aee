"""The block of a dataset's card that says how it is evaluated: `train-eval-index`, written and offered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.cards import header
from tasks.errors import BadEvaluation
from tasks.spec import Evaluation

KEY = "train-eval-index"
STANDARD: Mapping[str, Mapping[str, str]] = {
    "text-classification": {"label": "target"},
    "image-classification": {"label": "target"},
    "audio-classification": {"label": "target"},
    "tabular-classification": {"label": "target"},
    "question-answering": {"answers": "answers.text"},
    "summarization": {"summary": "target"},
    "sentence-similarity": {"sentence1": "text1", "sentence2": "text2", "score": "target"},
    "multiple-choice": {"prompt": "text", "choices": "classes", "label": "target"},
}
"""By task type, columns -> the standard names of the Hub's documentation; others keep their own."""


def entry(evaluation: Evaluation, columns: Mapping[str, str], split: str) -> dict[str, Any]:
    """Return an evaluation as an entry of a card's `train-eval-index`.

    Args:
        evaluation: What is to be said.
        columns: Canonical column -> dataset column, guessed ones included.
        split: The split that is judged on.
    """
    task = evaluation.task
    names = dict(STANDARD.get(task, {}))
    if task == "text-classification" and "text_pair" in columns:
        names |= {"text": "text1", "text_pair": "text2"}
    mapping: dict[str, Any] = {}
    for canonical, column in columns.items():
        standard = names.get(canonical, canonical)
        whole, dot, inner = column.partition(".")
        if dot and standard == f"{whole}.{inner}":
            mapping.setdefault(whole, {})[inner] = inner
        else:
            mapping[column] = standard
    found: dict[str, Any] = {
        "config": evaluation.dataset.config or "default",
        "task": task,
        "task_id": task.replace("-", "_"),
        "splits": {"eval_split": split.split("[")[0]},
        "col_mapping": mapping,
    }
    if evaluation.metrics:
        found["metrics"] = [
            {"type": each.name, "name": each.name} | ({"args": each.arguments} if each.arguments else {})
            for each in evaluation.metrics
        ]
    return found


def card_with(card: str, made: Mapping[str, Any], name: str) -> str:
    """Return a dataset's card with an entry in it, in the place of one of the same config and task.

    Raises:
        BadEvaluation: The card cannot be read, or says so in another form.
    """
    there = header.read(card, name).get(KEY) or []
    if not isinstance(there, list) or not all(isinstance(each, Mapping) for each in there):
        raise BadEvaluation(f"The {KEY} of the card of '{name}' is no list; mend it first.")

    def about(each: Mapping[str, Any]) -> tuple[str, str]:
        return str(each.get("config")), str(each.get("task"))

    kept = [each for each in there if about(each) != about(made)]
    wanted = [*kept, dict(made)]
    return card if there == wanted else header.replaced(card, KEY, wanted)
