"""`assay publish`: results of finished runs to the Hub."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows import console, environment
from flows.serving import companion


def publish(
    run: Annotated[
        list[str],
        typer.Argument(
            help="MLflow runs by id, its beginning, or name; an evaluation's run stands for its models'."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing, and print what would change.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Publish results of private data and hidden answers too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Offer results to the models' repositories on the Hub: one pull request a model, kept up to date."""
    environment.prepare()
    with companion.server() as prefect:
        with console.aside.status("starting …"):
            from flows.publication import publish as publish_runs

            if prefect:
                prefect.wait()
        made = publish_runs(run, dry_run=dry_run, force=force)
    if as_json:
        fields = ("model", "status", "url", "difference", "notes")
        print(json.dumps({"publications": [{name: getattr(each, name) for name in fields} for each in made]}))
        return
    for each in made:
        for note in each.notes:
            console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
        console.out.print(f"{each.model}: {each.status} {each.url or ''}", markup=False, soft_wrap=True)
        if dry_run and each.difference:
            console.out.print(each.difference, markup=False, soft_wrap=True)
