"""Errors that pass: a network's or a server's that answers later, told from mistakes and lack of memory."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterator

from tasks.errors import OutOfReach, UserError

PASSING = (ConnectionError, TimeoutError, socket.gaierror)
"""Python's own errors that another attempt can do without."""
PASSING_NAMES = {
    *("TransportError", "ConnectionError", "Timeout", "ConnectTimeout", "ReadTimeout"),
    "OperationalError",
}
"""What libraries call theirs (httpx, requests, huggingface_hub, SQLAlchemy), known by name to import none."""
FINAL_NAMES = {"OfflineModeIsEnabled", "LocalEntryNotFoundError", "OutOfMemoryError"}
NO_ANSWER = frozenset({408, 425, 429, 502, 503, 504})
"""HTTP statuses of a server, or of a proxy before it, that may answer later."""
SERVERS_FAULT = NO_ANSWER | {500}
"""HTTP statuses that another attempt may not meet."""
WRAPPED = re.compile(r"failed with error code (\d+)")


def can_pass(error: BaseException, statuses: Collection[int] = SERVERS_FAULT) -> bool:
    """Tell whether the same call may succeed a little later: it was the network, or a server.

    A user's mistake stays one, and so does a lack of memory.

    Args:
        error: With what caused it.
        statuses: The HTTP statuses that pass.

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
        isinstance(each, PASSING) or _status(each) in statuses or _wrapped(each, statuses) for each in chain
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


def _wrapped(error: BaseException, statuses: Collection[int]) -> bool:
    """Tell whether MLflow says in its error that the network failed, or that its database was locked."""
    if not any(kind.__name__ == "MlflowException" for kind in type(error).__mro__):
        return False
    words = str(error)
    if "failed with exception" in words or "OperationalError" in words:
        return True
    return any(int(found[1]) in statuses for found in WRAPPED.finditer(words))
