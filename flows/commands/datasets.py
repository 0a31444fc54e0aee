"""`assay datasets`: datasets on the Hub that fit a model."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from flows import console, environment
from flows.commands.models import show


def datasets(
    model: Annotated[str, typer.Option(help="Hub id of the model.")],
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Find datasets that a model declares, reports scores on, or that are for its task type."""
    environment.prepare()
    from tasks import discovery

    found, notes = discovery.datasets_for(model, limit=limit)
    for note in notes:
        console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"datasets": [asdict(each) for each in found]}))
        return
    show(found, "dataset")
