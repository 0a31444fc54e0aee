"""A flow run in the process of whoever asked for it: a command, with bars on its terminal, or Python code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flows import console
from flows.serving.companion import Companion

T = TypeVar("T")


@contextmanager
def attended(prefect: Companion | None) -> Iterator[None]:
    """Run flows in this process while the context is open, as soon as the server answers.

    Args:
        prefect: The server that lasts as long as its command, where it is one.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # Joining the heartbeat's thread takes most of a second; whoever started this sees it end anyway.
    changed: dict[Any, Any] = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    if prefect:
        prefect.wait()
        # Prefect may have been imported by an earlier call, whose server is gone.
        changed[PREFECT_API_URL] = prefect.url
    with temporary_settings(changed):
        yield


@contextmanager
def on_terminal(prefect: Companion | None, load: Callable[[], T]) -> Iterator[T]:
    """Run flows as `attended` does, their progress shown as bars, and yield what was loaded meanwhile.

    Args:
        prefect: The server that lasts as long as its command, where it is one.
        load: Imports the flow, which takes seconds; the server starts beside it.
    """
    from flows.pages.progress import progress

    with console.aside.status("starting …"):
        loaded = load()
        if prefect:
            prefect.wait()
    shown = progress.set(console.bar)
    try:
        with attended(prefect):
            yield loaded
    finally:
        progress.reset(shown)
