"""`assay deploy`: the forms and the schedules, on the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment


def deploy(
    schedules: Annotated[
        Path | None, typer.Argument(help="A file of schedules; left out, configs/schedules.yaml.")
    ] = None,
) -> None:
    """Bring the running server to what configs/schedules.yaml says; doing it twice changes nothing."""
    environment.prepare()
    environment.require_server()
    from flows import deployments

    changes = deployments.deploy(schedules or deployments.SCHEDULES)
    for line in changes or ["Nothing to change."]:
        console.out.print(line, markup=False)
