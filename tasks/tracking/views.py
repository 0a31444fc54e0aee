"""Views: how MLflow's pages show an experiment's runs, kept in the experiment for whoever opens the link."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.tracking.mlflow_store import TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHARED = "mlflow.sharedViewState."
"""The tags in which MLflow keeps views; the rest of the name is the key in the link."""
NOTE = "mlflow.note.content"
OPENING = "The scores of every model, best first: "
BESIDES = ("metrics.`rows/judged`", "metrics.`speed/rows_per_second`", "params.`dtype`", f"tags.`{TAG}.best`")


def scores(task: str, keys: Sequence[str], *, higher_is_better: bool) -> dict[str, Any]:
    """Return the view of a task type's runs: one line a model, its scores beside it, the best first.

    Args:
        task: The task type.
        keys: Score keys; the first is the one to sort by.
        higher_is_better: Which end of it is best.

    >>> scores("summarization", ["rougeL"], higher_is_better=True)["orderByKey"]
    'metrics.`rougeL`'
    """
    return {
        "searchFilter": f"tags.`{TAG}.kind` = 'run' and tags.`{TAG}.task` = '{task}'",
        # Sorted by time, MLflow folds the models' runs away below those of their evaluations.
        "orderByKey": f"metrics.`{keys[0]}`",
        "orderByAsc": not higher_is_better,
        "selectedColumns": ["attributes.`Dataset`", *(f"metrics.`{key}`" for key in keys), *BESIDES],
    }


def link(experiment_id: str, task: str) -> str:
    """Return the part of the address, after MLflow's own, that opens a task type's view.

    >>> link("3", "summarization")
    '#/experiments/3/runs?viewStateShareKey=summarization&workflowType=machine_learning'
    """
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={task}&workflowType=machine_learning"


def share(store: MlflowClient, experiment_id: str, task: str, view: Mapping[str, Any]) -> None:
    """Keep a view in an experiment, and link it from the description unless a person has written one."""
    tags = store.get_experiment(experiment_id).tags
    if tags.get(SHARED + task) != (state := json.dumps(view)):
        store.set_experiment_tag(experiment_id, SHARED + task, state)
    known = sorted({task, *(tag.removeprefix(SHARED) for tag in tags if tag.startswith(SHARED))})
    note = OPENING + ", ".join(f"[{each}]({link(experiment_id, each)})" for each in known if " " not in each)
    before = tags.get(NOTE, "")
    if before != note and (not before or before.startswith(OPENING)):
        store.set_experiment_tag(experiment_id, NOTE, note)
