"""Lost runs: those whose process ended without a word go back into the queue, for another worker to take.

A process that ends while its worker lives is reported by the worker. When both are gone, as with their
machine, only the run's heartbeat tells.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import AutomationSort
from prefect.events.actions import ChangeFlowRunState

NAME = "assay: runs whose machine is gone"
BEAT = 30
"""Seconds between a run's heartbeats: the least that Prefect takes."""
SILENCE = timedelta(seconds=3 * BEAT)
OVER = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "AwaitingRetry")


def automation(silence: timedelta = SILENCE) -> AutomationCore:
    """Return the automation that puts a silent run back into the queue.

    Args:
        silence: How long without a heartbeat.
    """
    return AutomationCore(
        name=NAME,
        description="Made by `assay deploy`. Finished chunks are kept, and the run goes on from there.",
        tags=["assay"],
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{state}" for state in OVER)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.assay"},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED,
                name="AwaitingRetry",
                message="Its machine does not answer any more; it waits for another worker.",
                force=True,
            )
        ],
    )


def establish(client: SyncPrefectClient) -> None:
    """Make the automation, unless it is there as it should be."""
    wanted = automation()
    every = client.read_automations(limit=200, sort=AutomationSort.NAME_ASC)
    there = [each for each in every if each.name == NAME]
    if not there:
        client.create_automation(wanted)
    elif there[0].model_dump(include={"trigger", "actions"}) != wanted.model_dump(
        include={"trigger", "actions"}
    ):
        client.update_automation(there[0].id, wanted)
