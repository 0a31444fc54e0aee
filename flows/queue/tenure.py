"""Tenure: a run is one process's at a time.

A process that was thought lost, as when its machine was suspended, may still be at work when its run has gone
back into the queue. The id of the Running state that a process reported is its title to the run: it looks
again and again whether that still holds, takes the run back where nobody else has begun it, and ends at once
where somebody has. Finished chunks are whole, so that ending anywhere damages nothing.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.logging import get_logger
from prefect.states import Running

from flows.serving.companion import COMPANION

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

LOOK = 10.0
"""Seconds between two looks."""
PATIENCE = 600.0
"""Seconds to wait for a server that does not answer before something is written that must be written once."""
Standing = Literal["held", "doubted", "ending", "taken"]


def standing(title: UUID, found: State) -> Standing:
    """Tell what a run's state on the server means for the process that holds a title to it.

    Args:
        title: The id of the Running state that the process reported.
        found: The state on the server.

    Returns:
        held: It is this process's. doubted: It was thought lost, and nobody else has begun it. ending: It is
        being stopped, or was. taken: Another process has it, or has finished it.
    """
    if found.id == title:
        return "held"
    if found.type in (StateType.CRASHED, StateType.SCHEDULED):
        return "doubted"
    if found.type in (StateType.CANCELLING, StateType.CANCELLED, StateType.PAUSED):
        return "ending"
    return "taken"


@dataclass
class Tenure:
    """This process's hold of a run.

    Attributes:
        run: The run.
        title: The id of the Running state that this process reported last.
        over: Set when the flow's work has ended, whereupon the state is the engine's to change.
    """

    run: UUID
    title: UUID
    over: threading.Event = field(default_factory=threading.Event)
    looking: threading.Lock = field(default_factory=threading.Lock)

    def look(self, client: SyncPrefectClient) -> None:
        """See whether the run is this process's; take it back, or end this process, where it is not."""
        with self.looking:
            try:
                found = client.read_flow_run(self.run).state
            except ObjectNotFound:
                return
            if found is None or self.over.is_set():
                return
            stands = standing(self.title, found)
            if stands == "doubted":
                back: State[Any] = Running(message="It was thought lost, and goes on where it was.")
                answer = client.set_flow_run_state(self.run, back, force=True)
                if answer.state is not None:
                    self.title = answer.state.id
            elif stands == "taken":
                words = "Another process has run %s (%s); this one ends, and what it finished is kept."
                get_logger("assay.tenure").warning(words, self.run, found.name)
                # Not an error: whoever watches this process would report it, another's run, as crashed.
                os._exit(0)

    def watch(self) -> None:
        """Look until the work is over; a server that does not answer is asked again later."""
        while not self.over.wait(LOOK):
            try:
                with get_client(sync_client=True) as client:
                    while not self.over.wait(LOOK):
                        self.look(client)
            except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError):
                continue


_tenure: ContextVar[Tenure | None] = ContextVar("tenure", default=None)


@contextmanager
def held() -> Iterator[None]:
    """Hold the run of the flow that is entered, where a worker started it, until the context closes.

    A run below another one, or one that this process has made for itself, is nobody else's.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or run.deployment_id is None or run.state is None:
        yield
        return
    if COMPANION in os.environ or _tenure.get() is not None:
        yield
        return
    mine = Tenure(run.id, run.state.id)
    token = _tenure.set(mine)
    threading.Thread(target=contextvars.copy_context().run, args=(mine.watch,), daemon=True).start()
    try:
        yield
    finally:
        # A look that is under way may still find, or change, what the engine is about to change.
        with mine.looking:
            mine.over.set()
        _tenure.reset(token)


def confirm() -> None:
    """Return once the run is known to be this process's: before what must be written by one alone.

    A server that is away for long ends this process as a crash does: the run goes on, in whichever process,
    when the server is back.
    """
    mine = _tenure.get()
    if mine is None:
        return
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with get_client(sync_client=True) as client:
                mine.look(client)
            return
        except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError):
            if time.monotonic() > deadline:
                get_logger("assay.tenure").error("Prefect's server does not answer; this process ends.")
                os._exit(1)
            time.sleep(2)
