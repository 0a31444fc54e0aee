"""Choosing: which models to evaluate on a dataset where none is named."""

from __future__ import annotations

from tasks import discovery, sources
from tasks.errors import BadEvaluation, NotFound, OutOfReach, UserError, listing

ASKED = 50
"""How many models that declare a dataset are looked at; several may be for another task type."""


def best_known(dataset: str, task: str, count: int) -> list[str]:
    """Return the models on the Hub that declare a dataset and fit a task type, most downloaded first.

    Models that share nothing with the dataset but the task type are not among them: their labels are others.

    Args:
        dataset: The dataset's path.
        task: The task type.
        count: How many at most.

    Raises:
        BadEvaluation: The dataset is not on the Hub.
        NotFound: No model declares it.
        OutOfReach: The Hub does not answer, or may not be asked.
    """
    if sources.locate(dataset).kind != "hub":
        raise BadEvaluation(
            f"Which models are best known is asked of the Hub, and '{dataset}' is not on it: "
            "name models with --model."
        )
    notes: list[str] = []
    found = discovery.declaring(dataset, max(ASKED, count), notes)
    if notes:
        raise OutOfReach(notes[0])
    fitting = [each.name for each in found if each.task in {task, None}]
    if not fitting:
        raise NotFound(
            f"No model for {task} on the Hub declares the dataset '{dataset}': name one with --model; "
            f"`assay models --dataset {dataset} --task {task}` finds those of the task type."
        )
    return fitting[:count]


def unnamed(dataset: str, task: str | None) -> str:
    """Say in one sentence that a model is to be named, and which ones fit, as far as the Hub knows any.

    Args:
        dataset: The dataset's path.
        task: The task type, where it is known.
    """
    plain = "Name a model with --model: a Hub id, a folder or an endpoint."
    try:
        if task is None or sources.locate(dataset).kind != "hub":
            return plain
        names = best_known(dataset, task, 3)
    except OutOfReach:
        return plain
    except UserError as error:
        return str(error)
    return (
        f"Name a model with --model, or let --best {len(names)} take those that declare '{dataset}': "
        f"{listing(names)}; `assay models --dataset {dataset}` shows more."
    )
