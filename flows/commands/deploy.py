"""`assay deploy`: the forms, and what runs by itself, as a YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment
from tasks.events import schedules


def deploy(
    file: Annotated[
        Path, typer.Argument(help="What runs by itself; left out, configs/schedules.yaml.")
    ] = schedules.SHIPPED,
    folder: Annotated[
        Path, typer.Option(help="Where runs work: relative paths count from there.", file_okay=False)
    ] = Path(),
) -> None:
    """Offer the forms on the server, and run what a file of schedules says and nothing else by itself."""
    entries = schedules.read(file)
    environment.prepare(quiet=False)
    environment.need_server("offer forms and keep schedules")
    from flows.queue import deployments

    done = deployments.deploy(entries, folder.resolve())
    for name in done.there:
        state = "deployed" if name in done.changed else "unchanged"
        console.out.print(f"{state:9}  {name}", markup=False)
    for name in done.removed:
        console.out.print(f"removed    {name}", markup=False)
