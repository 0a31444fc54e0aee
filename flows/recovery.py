"""What is tried again: steps that a network failed, and runs whose process died."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from tasks.errors import AssayError, OutOfReach, UserError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

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


SILENT = "assay: a run's process died"
AGAIN = "assay: a crashed run is started again"
AUTOMATIONS: tuple[dict[str, Any], ...] = (
    {
        "name": SILENT,
        "description": "A run that was heard of and has been silent for 90 seconds is marked as crashed.",
        "trigger": {
            "type": "event",
            "posture": "Proactive",
            "match": {"prefect.resource.id": ["prefect.flow-run.*"]},
            "for_each": ["prefect.resource.id"],
            "after": ["prefect.flow-run.heartbeat"],
            "expect": [
                "prefect.flow-run.heartbeat",
                "prefect.flow-run.Completed",
                "prefect.flow-run.Failed",
                "prefect.flow-run.Cancelled",
                "prefect.flow-run.Crashed",
            ],
            "threshold": 1,
            "within": 90,
        },
        "actions": [
            {
                "type": "change-flow-run-state",
                "state": "CRASHED",
                "message": "The run's process is gone; it is started again.",
            }
        ],
    },
    {
        "name": AGAIN,
        "description": f"Finished chunks are reused; a run is given up when it has crashed {ATTEMPTS} times.",
        "trigger": {
            "type": "event",
            "posture": "Reactive",
            "match": {"prefect.resource.id": ["prefect.flow-run.*"]},
            "match_related": {
                "prefect.resource.id": ["prefect.tag.assay"],
                "prefect.resource.role": ["tag"],
            },
            "for_each": ["prefect.resource.id"],
            "after": [],
            "expect": ["prefect.flow-run.Crashed"],
            "threshold": 1,
            "within": 0,
        },
        "actions": [
            {
                "type": "change-flow-run-state",
                "state": "SCHEDULED",
                "name": "AwaitingRetry",
                "message": "Started again, because its process died; finished chunks are reused.",
            }
        ],
    },
)
"""What the server does by itself: one finds runs whose process died, the other starts them again."""


def provide_automations(client: SyncPrefectClient) -> list[str]:
    """Make the automations that are not there, and return what was changed."""
    there = {each["name"] for each in client.request("POST", "/automations/filter", json={}).json()}
    changes = []
    for each in AUTOMATIONS:
        if each["name"] not in there:
            client.request("POST", "/automations/", json=each).raise_for_status()
            changes.append(f"made the automation '{each['name']}'")
    return changes
