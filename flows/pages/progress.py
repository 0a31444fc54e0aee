"""How far a model's predictions are: a bar on the command line, or an artifact on the run's page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from flows.serving.companion import COMPANION

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
EVERY = 2.0
"""Seconds between two updates of a run's page."""


@contextmanager
def on_the_page(title: str, rows: int | None) -> Iterator[Callable[[int], None]]:
    """Show finished rows on the Prefect run's page, told a count at a time, while the context is open.

    Nothing is shown of a stream, whose end nobody knows, nor on a server that lasts as long as its command.
    """
    if not rows or COMPANION in os.environ:
        yield lambda count: None
        return
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    artifact = create_progress_artifact(0.0, key="predicted", description=f"{title}: {rows} rows")
    done, shown = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, shown
        done += count
        if done == count or done >= rows or time.monotonic() - shown >= EVERY:
            shown = time.monotonic()
            update_progress_artifact(
                artifact,  # type: ignore[arg-type]  # synchronous here, where its id is returned
                progress=min(100.0, 100.0 * done / rows),
                description=f"{title}: {done} of {rows} rows",
            )

    yield advance


progress: ContextVar[Progress] = ContextVar("progress", default=on_the_page)
"""Given a title and a number of rows, where that is known, a context to tell finished rows."""
