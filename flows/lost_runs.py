"""Lost runs: those whose process ended without a word are marked, and go back into the queue.

A process that ends while its worker lives is reported by the worker. When both are gone, as with their
machine, only the run's heartbeat tells. A run whose process dies again and again is given up by
`flows.recovery.check_attempts`.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import AutomationSort
from prefect.events.actions import ChangeFlowRunState

from flows.worker import BEAT

SILENT = "assay: a run is silent"
CRASHED = "assay: a crashed run goes on"
SILENCE = timedelta(seconds=3 * BEAT)
OVER = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "AwaitingRetry")


def automations(silence: timedelta = SILENCE) -> list[AutomationCore]:
    """Return what the server does: mark a run that is silent, and queue a crashed one again.

    Args:
        silence: How long without a heartbeat.
    """
    ours = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.assay"}
    runs = {"prefect.resource.id": "prefect.flow-run.*"}
    silent = EventTrigger(
        posture=Posture.Proactive,
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{state}" for state in OVER)},
        match=runs,
        match_related=ours,
        for_each={"prefect.resource.id"},
        threshold=1,
        within=silence,
    )
    crashed = EventTrigger(
        expect={"prefect.flow-run.Crashed"},
        match=runs,
        match_related=ours,
        threshold=1,
        within=timedelta(0),
    )
    lost = ChangeFlowRunState(
        state=StateType.CRASHED, message="Its machine does not answer any more.", force=True
    )
    again = ChangeFlowRunState(
        state=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="Its process died; it waits for a worker, and goes on from its last finished chunk.",
        force=True,
    )
    about = "Made by `assay deploy`."
    return [
        AutomationCore(name=SILENT, description=about, tags=["assay"], trigger=silent, actions=[lost]),
        AutomationCore(name=CRASHED, description=about, tags=["assay"], trigger=crashed, actions=[again]),
    ]


def establish(client: SyncPrefectClient) -> None:
    """Make the automations, unless they are there as they should be."""
    # Its default limit and order are ones that the server refuses.
    every = client.read_automations(limit=200, sort=AutomationSort.NAME_ASC)
    there = {each.name: each for each in every}
    said = {"trigger", "actions"}
    for wanted in automations():
        known = there.get(wanted.name)
        if known is None:
            client.create_automation(wanted)
        elif known.model_dump(include=said, exclude={"trigger": {"id"}}) != wanted.model_dump(
            include=said, exclude={"trigger": {"id"}}
        ):
            client.update_automation(known.id, wanted)
