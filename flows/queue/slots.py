"""Slots: a device is one evaluation's at a time, by a concurrency limit on the Prefect server."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.serving.companion import COMPANION
from tasks.errors import BadEvaluation

LEASE = 60.0
"""Seconds after which the slots of a process that is gone are free again; it is renewed before that."""
CPU_SLOTS = "ASSAY_CPU_SLOTS"


def slots_of(device: str) -> int | None:
    """Return how many evaluations may be on a device at a time; None where nobody counts.

    A GPU takes one. A CPU takes as many as `ASSAY_CPU_SLOTS` says, and any number where it says nothing.

    Raises:
        BadEvaluation: It says something else than a number above 0.

    >>> slots_of("cuda:0")
    1
    """
    if device.partition(":")[0] != "cpu":
        return 1
    given = os.environ.get(CPU_SLOTS, "")
    if given and not (given.isdigit() and int(given)):
        raise BadEvaluation(f"{CPU_SLOTS} is a number of evaluations above 0, not '{given}'.")
    return int(given) if given else None


def limit_name(device: str) -> str:
    """Return the name of a device's concurrency limit.

    >>> limit_name("cuda") == f"device {socket.gethostname()} cuda:0"
    True
    """
    return f"device {socket.gethostname()} {'cuda:0' if device == 'cuda' else device}"


@dataclass
class Keeping:
    """Slots kept beyond the work that asked for them, by name."""

    until: ExitStack
    names: set[str] = field(default_factory=set)


_keeping: ContextVar[Keeping | None] = ContextVar("keeping", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Keep every slot that is taken in the context until it closes: a model stays on its device."""
    with ExitStack() as until:
        token = _keeping.set(Keeping(until))
        try:
            yield
        finally:
            _keeping.reset(token)


@contextmanager
def held(devices: Sequence[str]) -> Iterator[None]:
    """Hold a slot of each device while the context is open, waiting until they are free.

    Of a server that lasts as long as its command nobody else asks, so nothing is held there.
    """
    counted = {limit_name(device): slots for device in devices if (slots := slots_of(device)) is not None}
    keeping = _keeping.get()
    wanted = sorted(set(counted) - (keeping.names if keeping else set()))
    if not wanted or COMPANION in os.environ:
        yield
        return
    for name in wanted:
        _establish(name, counted[name])
    if keeping is not None:
        keeping.until.enter_context(_taken(wanted))
        keeping.names |= set(wanted)
        yield
        return
    with _taken(wanted):
        yield


def _taken(names: list[str]) -> AbstractContextManager[None]:
    """Take a slot of each limit, in one order everywhere.

    Two evaluations that each hold what the other waits for would wait forever.
    """
    from prefect.concurrency.sync import concurrency

    # A server that is away for a moment is no reason to throw away what is being computed.
    return concurrency(
        names, occupy=1, lease_duration=LEASE, strict=True, raise_on_lease_renewal_failure=False
    )


def _establish(name: str, slots: int) -> None:
    """Make a device's limit, unless it is there: what someone set in the pages stays."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots))
