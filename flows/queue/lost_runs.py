"""Lost runs: those whose process ended without a word are marked, and go back into the queue.

A process that ends while its worker lives is reported by the worker. When both are gone, as with their
machine, only the run's heartbeat tells, and the other workers listen for it (`flows.queue.watch`). A process
that was thought lost and lives finds that out by itself (`flows.queue.tenure`). A run whose process dies
again and again is given up (`flows.queue.recovery`).
"""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import AutomationSort
from prefect.events.actions import ChangeFlowRunState

from flows.queue.worker import BEAT

CRASHED = "assay: a crashed run goes on"
FORMER = "assay: a run is silent"
"""What an earlier version made: it marked runs as lost for the time that the server itself was away."""
SILENCE = timedelta(seconds=3 * BEAT)
LOST = "Its process does not answer any more."
GOES_ON = "Its process died; it waits for a worker, and goes on from its last finished chunk."


def automations() -> list[AutomationCore]:
    """Return what the server does: queue a crashed run again."""
    ours = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.assay"}
    crashed = EventTrigger(
        expect={"prefect.flow-run.Crashed"},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=ours,
        threshold=1,
        within=timedelta(0),
    )
    again = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=GOES_ON, force=True)
    about = "Made by `assay deploy`."
    return [AutomationCore(name=CRASHED, description=about, tags=["assay"], trigger=crashed, actions=[again])]


def establish(client: SyncPrefectClient) -> None:
    """Make the automations, unless they are there as they should be."""
    # Its default limit and order are ones that the server refuses.
    every = client.read_automations(limit=200, sort=AutomationSort.NAME_ASC)
    there = {each.name: each for each in every}
    if FORMER in there:
        client.delete_automation(there[FORMER].id)
    said = {"trigger", "actions"}
    for wanted in automations():
        known = there.get(wanted.name)
        if known is None:
            client.create_automation(wanted)
        elif known.model_dump(include=said, exclude={"trigger": {"id"}}) != wanted.model_dump(
            include=said, exclude={"trigger": {"id"}}
        ):
            client.update_automation(known.id, wanted)
