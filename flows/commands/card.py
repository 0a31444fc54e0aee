"""`assay card`: the block of a dataset's card that says how it is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment
from tasks import configs
from tasks.errors import BadEvaluation

if TYPE_CHECKING:
    from tasks.spec import Evaluation

NOBODY = "nobody/none"
"""Stands for the model, which a card does not name."""


def card(
    what: Annotated[str, typer.Argument(help="A config file, the name of a shipped one, or a dataset.")],
    task: Annotated[str | None, typer.Option(help="Task type, where a dataset is given.")] = None,
    config: Annotated[str | None, typer.Option(help="The dataset's configuration.")] = None,
    split: Annotated[str | None, typer.Option(help="The split to judge on.")] = None,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Offer it to the dataset's repository.")
    ] = False,
) -> None:
    """Print the train-eval-index block to paste into a dataset's card, or open a pull request with it."""
    environment.prepare()
    from tasks import load
    from tasks.cards import block, header
    from tasks.columns import map_columns
    from tasks.types import task_type

    evaluation = _evaluation(what, task, config, split)
    rows = load.load(evaluation.dataset, evaluation.settings.seed)
    features = load.head_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    for note in (*rows.notes, *mapping.notes):
        console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
    made = block.entry(evaluation, mapping.columns, rows.split)
    if not pull_request:
        print(header.written({block.KEY: [made]}), end="")
        return
    if rows.source.kind != "hub":
        raise BadEvaluation(f"The dataset '{rows.name}' is not on the Hub; leave --pull-request out.")
    from tasks.publish.dataset_card import offer

    said = offer(rows.source.place, made)
    console.out.print(said, markup=False, soft_wrap=True)


def _evaluation(what: str, task: str | None, config: str | None, split: str | None) -> Evaluation:
    shipped = what in configs.shipped() or (Path(what).is_file() and what.endswith((".yaml", ".yml")))
    if shipped:
        return configs.read(configs.find(what))
    if task is None:
        raise BadEvaluation("Name the task type with --task, or give a config file.")
    dataset = {"path": what, "config": config, "split": split}
    return configs.parse({"task": task, "dataset": dataset, "models": [NOBODY]})
