"""`assay leaderboard`: the latest score of every model on every dataset."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows import console, environment


def leaderboard(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task type.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show the latest score of every model on every dataset, best first."""
    environment.prepare()
    from tasks import leaderboard as board

    places = board.read(dataset=dataset, task=task)
    if as_json:
        print(json.dumps(board.as_json(places), ensure_ascii=False))
    else:
        board.show(console.out, places)
