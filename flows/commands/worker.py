"""`assay worker`: takes runs from the queue that all workers share."""

from __future__ import annotations

from typing import Annotated

import typer

from flows import environment


def worker(
    name: Annotated[str | None, typer.Option(help="What the worker is called.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most runs at a time.")] = 1,
) -> None:
    """Run what the form, schedules and `assay submit` queue, here, until stopped."""
    environment.prepare(quiet=False)
    environment.require_server()
    from flows import pool

    pool.work(name=name, limit=limit)
