"""`assay models`: models on the Hub that fit a dataset."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment
from tasks.errors import BadEvaluation

if TYPE_CHECKING:
    from tasks.discovery import Found


def models(
    dataset: Annotated[str, typer.Option(help="Hub id of the dataset.")],
    task: Annotated[
        str | None, typer.Option(help="Task type; left out, what the dataset's card says.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="The dataset's configuration.")] = None,
    split: Annotated[str | None, typer.Option(help="The split; left out, what the card says.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Metric name; repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Find models that declare a dataset or its task type, most downloaded first, none evaluated already."""
    environment.prepare()
    from tasks import discovery
    from tasks.cards.dataset import declared

    metrics = metric or []
    try:
        said = declared(dataset, config=config, split=split)
        task, split = task or said.task, split or said.split
        metrics = metrics or [name for name, _ in said.metrics]
    except BadEvaluation as error:
        if task is None:
            console.aside.print(f"note: {error}", markup=False, soft_wrap=True)
    found, notes = discovery.models_for(dataset, task, split=split, metrics=metrics, limit=limit)
    for note in notes:
        console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"task": task, "split": split, "models": [asdict(each) for each in found]}))
        return
    show(found, "model")


def show(found: list[Found], what: str) -> None:
    """Print what was found as a table."""
    from rich.table import Table

    table = Table(what, "downloads", "why")
    for each in found:
        table.add_row(each.name, f"{each.downloads:,}" if each.downloads else "", ", ".join(each.why))
    console.out.print(table if found else f"No {what} was found.")
