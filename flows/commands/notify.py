"""`assay notify`: make Prefect tell people what happens, as a YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment
from tasks.events import channels


def notify(
    file: Annotated[
        Path, typer.Argument(help="Who is told of what; left out, configs/notifications.yaml.")
    ] = channels.SHIPPED,
    trial: Annotated[bool, typer.Option("--trial", help="Also send one message through each block.")] = False,
) -> None:
    """Tell people when evaluations complete, fail, crash or regress, through notification blocks."""
    asked = channels.read(file)
    environment.prepare()
    environment.need_server("send notifications")
    from flows.events import notifications

    names = notifications.establish(asked)
    for name in names:
        console.out.print(name, markup=False)
    if not names:
        console.out.print("Nobody is told of anything: the file lists no notifications.")
    if trial:
        notifications.rehearse(asked)
