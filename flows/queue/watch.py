"""The watch: a worker, and beside it an eye on the runs of the queue that nobody works on any more.

What Prefect's automations do (`flows.queue.lost_runs`) hangs on events, and an event is lost with a server
that dies before it has acted on it. So every worker looks for itself, and judges only by what it has seen
without a break: after a server was away, or this machine asleep, nobody is called silent who could not be
heard.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging import get_logger
from prefect.states import AwaitingRetry, Crashed

from flows.queue.lost_runs import GOES_ON, LOST, SILENCE
from flows.queue.worker import POOL

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

LOOK = 10.0
"""Seconds between two looks, more or less: several workers shall not all act at once."""
BREAK = 60.0
"""Seconds between two looks after which what was seen before counts no more."""
STARTING = 300.0
"""Seconds after which a run that a worker took, and whose process has not begun, is lost."""
CRASHED = 15.0
"""Seconds that the automation has for queueing a crashed run."""
SILENT = SILENCE.total_seconds()
Verdict = Literal["well", "ask", "lost", "again"]


@dataclass(frozen=True)
class Sight:
    """A run in a state, as this watch has seen it.

    Attributes:
        since: When it was seen first, in seconds of any clock.
        last: When last.
    """

    since: float
    last: float


def verdict(state: StateType, seconds: float) -> Verdict:
    """Tell what is to be done about a run that has been seen in one state for so many seconds.

    Returns:
        well: Nothing. ask: Whether its heartbeat was heard. lost: Mark it. again: Queue it.

    >>> verdict(StateType.PENDING, 20), verdict(StateType.PENDING, 400), verdict(StateType.CRASHED, 60)
    ('well', 'lost', 'again')
    """
    if state is StateType.PENDING and seconds >= STARTING:
        return "lost"
    if state is StateType.CRASHED and seconds >= CRASHED:
        return "again"
    if state is StateType.RUNNING and seconds >= SILENT:
        return "ask"
    return "well"


def seen(before: Mapping[UUID, Sight], states: Sequence[UUID], now: float) -> dict[UUID, Sight]:
    """Return what has been seen of states without a break.

    Args:
        before: What had been seen until the last look.
        states: The ids of the states that runs are in now.
        now: When that is, on the clock of the sights.

    >>> from uuid import UUID
    >>> one = UUID(int=1)
    >>> seen({one: Sight(0, 50)}, [one], 60)[one], seen({one: Sight(0, 50)}, [one], 300)[one]
    (Sight(since=0, last=60), Sight(since=300, last=300))
    """
    found = {}
    for state in states:
        known = before.get(state)
        unbroken = known is not None and 0 <= now - known.last <= BREAK
        found[state] = Sight(known.since if known is not None and unbroken else now, now)
    return found


class Watch:
    """An eye on the runs of a work pool.

    Args:
        pool: Its name.
        clock: The time in seconds, going on while the machine sleeps.
    """

    def __init__(self, pool: str, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._clock = clock
        self._sights: dict[UUID, Sight] = {}

    def look(self, client: SyncPrefectClient) -> list[tuple[UUID, Verdict]]:
        """Look once, and do what is to be done; return for which runs something was."""
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(
                    type=FlowRunFilterStateType(
                        any_=[StateType.PENDING, StateType.RUNNING, StateType.CRASHED]
                    )
                )
            ),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )
        now = self._clock()
        self._sights = seen(self._sights, [run.state_id for run in runs if run.state_id], now)
        done: list[tuple[UUID, Verdict]] = []
        for run in runs:
            if run.state_id is None or run.state_type is None:
                continue
            found = verdict(run.state_type, now - self._sights[run.state_id].since)
            if found == "ask":
                found = "well" if _heard(client, run) else "lost"
            # Another worker's watch may have been quicker.
            if found != "well" and client.read_flow_run(run.id).state_id == run.state_id:
                said: State[Any] = Crashed(message=LOST)
                if found == "again":
                    said = AwaitingRetry(message=GOES_ON)
                client.set_flow_run_state(run.id, said, force=True)
                done.append((run.id, found))
        return done

    def keep(self, until: threading.Event) -> None:
        """Look again and again; while the server does not answer there is nothing to see."""
        import httpx
        from prefect.client.orchestration import get_client
        from prefect.exceptions import PrefectHTTPStatusError

        while not until.wait(random.uniform(0.5, 1.5) * LOOK):
            try:
                with get_client(sync_client=True) as client:
                    for run, found in self.look(client):
                        words = "queued again" if found == "again" else "marked as lost"
                        get_logger("assay.watch").warning("Nobody works on run %s; it was %s.", run, words)
            except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError):
                continue


def _heard(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Tell whether a run's heartbeat was heard lately."""
    since = datetime.now(UTC) - timedelta(seconds=SILENT)
    wanted = {
        "filter": {
            "occurred": {"since": since.isoformat()},
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run.id}"]},
        },
        "limit": 1,
    }
    return bool(client.request("POST", "/events/filter", json=wanted).json()["events"])


def main() -> None:
    """Be Prefect's command line, as `python -m prefect` is, and keep watch meanwhile."""
    from prefect.cli import app

    # Known to the command line by being there.
    import flows.queue.prefect_worker  # noqa: F401
    from flows.nursery import keeper

    keeper.keep()
    threading.Thread(target=Watch(POOL).keep, args=(threading.Event(),), daemon=True).start()
    app()


if __name__ == "__main__":
    main()
