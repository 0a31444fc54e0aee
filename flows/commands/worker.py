"""`assay worker`: a process that takes runs from the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from flows import environment


def worker(
    limit: Annotated[int, typer.Option(min=1, help="Runs at a time; a GPU takes one at a time anyway.")] = 2,
    name: Annotated[
        str | None, typer.Option(help="What the pages call it; left out, host and process.")
    ] = None,
) -> None:
    """Take runs from the server's queue until stopped; any number of workers share one queue."""
    environment.prepare(quiet=False)
    environment.need_server("hand out runs")
    from flows.queue import worker as process

    process.work(limit, name)
