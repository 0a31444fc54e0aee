"""Runs that nobody works on are found by those who listened, and by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import AutomationSort
from prefect.states import Crashed, Pending, Running

from flows.queue import deployments, lost_runs, watch, worker
from flows.queue.tenure import Tenure, standing

pytestmark = pytest.mark.usefixtures("prefect_server")


def queued(client: SyncPrefectClient, tmp_path: Path) -> UUID:
    """Queue a run of the evaluate deployment, on a server whose automations are lost."""
    deployments.deploy([], tmp_path)
    for automation in client.read_automations(limit=200, sort=AutomationSort.NAME_ASC):
        if automation.name == lost_runs.CRASHED:
            client.delete_automation(automation.id)
    deployment = client.read_deployment_by_name("evaluate/evaluate")
    given = {"task": "fill-mask", "dataset": {"path": "x"}, "models": [{"name": "y"}]}
    return client.create_flow_run_from_deployment(deployment.id, parameters=given).id


def names(client: SyncPrefectClient, run: UUID) -> list[str]:
    answer = client.request("GET", "/flow_run_states/", params={"flow_run_id": str(run)})
    return [state["name"] for state in sorted(answer.json(), key=lambda state: str(state["timestamp"]))]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def looks(watching: watch.Watch, clock: Clock, client: SyncPrefectClient, seconds: float) -> list[UUID]:
    """Look every ten seconds for so long; return the runs that something was done about."""
    found = []
    for _ in range(int(seconds / 10)):
        found += [run for run, _ in watching.look(client)]
        clock.now += 10
    return found


@pytest.mark.parametrize(
    ("state", "patience"),
    [
        (Pending(name="Submitting"), watch.STARTING),
        (Running(), watch.SILENT),
        (Crashed(), watch.CRASHED),
    ],
)
def test_a_run_nobody_works_on_goes_back_into_the_queue(
    tmp_path: Path, state: object, patience: float
) -> None:
    clock = Clock()
    watching = watch.Watch(worker.POOL, clock)
    with get_client(sync_client=True) as client:
        run = queued(client, tmp_path)
        client.set_flow_run_state(run, state, force=True)  # type: ignore[arg-type]  # one of Prefect's states
        assert run not in looks(watching, clock, client, patience)
        assert run in looks(watching, clock, client, 20 + watch.CRASHED + 20)
        assert names(client, run)[-1] == "AwaitingRetry"
        client.delete_flow_run(run)


def test_who_was_away_calls_nobody_silent(tmp_path: Path) -> None:
    clock = Clock()
    watching = watch.Watch(worker.POOL, clock)
    with get_client(sync_client=True) as client:
        run = queued(client, tmp_path)
        client.set_flow_run_state(run, Running(), force=True)
        assert run not in looks(watching, clock, client, watch.SILENT)
        clock.now += watch.BREAK + 1
        assert run not in looks(watching, clock, client, watch.SILENT)
        assert run in looks(watching, clock, client, 20)
        client.delete_flow_run(run)


def test_a_process_takes_back_the_run_that_nobody_else_has_begun(tmp_path: Path) -> None:
    with get_client(sync_client=True) as client:
        run = queued(client, tmp_path)
        running: State[Any] = Running()
        begun = client.set_flow_run_state(run, running, force=True)
        assert begun.state is not None
        mine = Tenure(run, begun.state.id)
        mine.look(client)
        assert mine.title == begun.state.id
        client.set_flow_run_state(run, Crashed(), force=True)
        mine.look(client)
        now = client.read_flow_run(run).state
        assert now is not None
        assert (now.type, now.id) == (StateType.RUNNING, mine.title)
        assert mine.title != begun.state.id
        client.delete_flow_run(run)


def test_a_run_that_another_process_has_begun_is_not_this_ones() -> None:
    another: State[Any] = Running(id=uuid4())
    mine = uuid4()
    assert standing(mine, another) == "taken"
    assert standing(another.id, another) == "held"
