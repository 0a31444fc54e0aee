"""`assay sync`: send what waits on this disk for MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from flows import console, environment


def sync(
    moved_from: Annotated[
        str | None,
        typer.Option(help="Send here what waits for MLflow at this address, because it has moved."),
    ] = None,
) -> None:
    """Send MLflow the results that it could not be given when they were found."""
    environment.prepare()
    from tasks.errors import unknown
    from tasks.tracking import outbox, patience

    if moved_from is not None:
        if moved_from not in outbox.elsewhere():
            raise unknown("MLflow with results waiting for it", moved_from, outbox.elsewhere())
        outbox.redirect(moved_from)
    where = f"MLflow at {outbox.address()}"
    count = patience.until_answered(outbox.send_left_behind, where, patience.seconds())
    runs = "1 run was" if count == 1 else f"{count} runs were"
    console.out.print(f"{runs} sent to {where}." if count else f"Nothing waits for {where}.", markup=False)
    for address, waiting in outbox.elsewhere().items():
        console.out.print(
            f"{waiting} wait for MLflow at {address}: set MLFLOW_TRACKING_URI to it, or say "
            f"--moved-from {address} if it is now here.",
            markup=False,
            soft_wrap=True,
        )
