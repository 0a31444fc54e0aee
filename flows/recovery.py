"""What is tried again: steps that a network failed, and runs whose process died."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from prefect.runtime import flow_run

from tasks.errors import AssayError, OutOfReach, UserError

ATTEMPTS = 3
"""How often a run is started whose process dies, as for want of memory, before it is given up."""
PASSING = (ConnectionError, TimeoutError, socket.gaierror)
"""Python's own errors that another attempt can do without."""
PASSING_NAMES = {"TransportError", "ConnectionError", "Timeout", "ConnectTimeout", "ReadTimeout"}
"""What libraries call theirs (httpx, requests, huggingface_hub), known by name to import none of them."""
FINAL_NAMES = {"OfflineModeIsEnabled", "LocalEntryNotFoundError", "OutOfMemoryError"}
SERVERS_FAULT = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses that ask to be tried again."""


class AttemptsSpent(AssayError):
    """A run's process died again and again."""


def can_pass(error: BaseException) -> bool:
    """Tell whether the same call may succeed a little later: it was the network, or a server.

    A user's mistake stays one, and so does a lack of memory.

    >>> can_pass(ConnectionResetError("by peer"))
    True
    >>> can_pass(UserError("There is no column 'x'")), can_pass(MemoryError())
    (False, False)
    """
    chain = list(_causes(error))
    names = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if names & FINAL_NAMES or any(isinstance(each, MemoryError) for each in chain):
        return False
    if any(isinstance(each, UserError) and not isinstance(each, OutOfReach) for each in chain):
        return False
    return bool(names & PASSING_NAMES) or any(
        isinstance(each, PASSING) or _status(each) in SERVERS_FAULT for each in chain
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error that carries a response, or MLflow's own way to state it."""
    found = getattr(getattr(error, "response", None), "status_code", None)
    if found is None and hasattr(error, "get_http_status_code") and type(error).__name__ == "RestException":
        found = error.get_http_status_code()
    return found if isinstance(found, int) else None


def may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Tell Prefect whether to try a failed step again."""
    try:
        state.result()
    except Exception as error:
        return can_pass(error)
    return False


def check_attempts() -> None:
    """Give up a run whose process died too often; others start over, with every finished chunk reused.

    Raises:
        AttemptsSpent: This is one start too many.
    """
    if (flow_run.run_count or 0) > ATTEMPTS:
        raise AttemptsSpent(
            f"The process of this run died {ATTEMPTS} times, as for want of memory; finished chunks are kept "
            "and reused. Try fewer workers (settings.workers) or smaller batches (settings.batch_cost)."
        )
