"""Deployments: what Prefect's pages offer as a form, and what runs on a schedule.

`deploy` brings a server to what this file and the schedules say: what is new is made, what changed is
updated, a schedule that is gone is deleted, and doing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.schedules import Cron

from flows import environment
from flows.evaluation import evaluate
from flows.pool import POOL, provide_pool
from flows.recovery import provide_automations
from flows.reevaluation import reevaluate
from flows.schedules import SCHEDULES, Entry, read
from flows.suite import suite
from tasks import configs, suites
from tasks.errors import unknown

FORM = "evaluate"
SCHEDULED = "assay-schedule"
"""The tag of deployments that a schedule made, by which those that are gone are found."""


@dataclass(frozen=True)
class Offer:
    """A flow that the server offers.

    Attributes:
        flow: What runs; its form is its `parameters`.
        description: What its page says.
        parameters: From what a schedule names and its overrides to the flow's parameters.
    """

    flow: Flow[..., Any]
    description: str
    parameters: Callable[[str, Mapping[str, Any]], dict[str, Any]]


def evaluation(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an evaluation by the name or path of its config."""
    read_one = configs.read(configs.find(name)).model_dump(mode="json", exclude_none=True)
    parsed = configs.parse(configs.over(read_one, overrides))
    return parsed.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def suite_of(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a suite by the name or path of its file."""
    asked = suites.read(suites.find(name)).model_dump(mode="json", exclude_none=True)
    parsed = suites.parse(configs.over(asked, overrides))
    return parsed.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


FLOWS: Mapping[str, Offer] = {
    FORM: Offer(evaluate, "Evaluate one or more models on a dataset; scores go to MLflow.", evaluation),
    "suite": Offer(
        suite,
        "Run several evaluations, each model loaded once, and compare them in one table.",
        suite_of,
    ),
    "reevaluate": Offer(
        reevaluate, "Evaluate again where something changed, and say which scores got worse.", evaluation
    ),
}
"""Every flow by the name of its form; a schedule names it as `flow`."""


def deploy(schedules: Path = SCHEDULES) -> list[str]:
    """Bring the server to what is to be there, and return what was changed, a line each.

    Raises:
        UserError: A schedule is not right; nothing has been changed then.
    """
    wanted = [_form(name, offer) for name, offer in FLOWS.items()]
    wanted += [_scheduled(entry) for entry in read(schedules)]
    with get_client(sync_client=True) as client:
        changes = [*provide_pool(client), *provide_automations(client)]
        for each in wanted:
            changes += _applied(client, each)
        kept = {each.full_name for each in wanted}
        scheduled = {"deployments": {"tags": {"all_": [SCHEDULED]}}}
        for there in client.request("POST", "/deployments/filter", json=scheduled).json():
            full_name = f"{client.read_flow(there['flow_id']).name}/{there['name']}"
            if full_name not in kept:
                client.delete_deployment(there["id"])
                changes.append(f"deleted {full_name}")
    return changes


def _form(name: str, offer: Offer) -> RunnerDeployment:
    return _deployment(offer, name, description=offer.description, tags=["assay"])


def _scheduled(entry: Entry) -> RunnerDeployment:
    if entry.flow not in FLOWS:
        raise unknown(f"flow of the schedule '{entry.name}'", entry.flow, FLOWS)
    offer = FLOWS[entry.flow]
    return _deployment(
        offer,
        entry.name,
        description=f"{offer.description}\n\nRuns '{entry.run}' by itself: {entry.cron} ({entry.timezone}).",
        tags=["assay", SCHEDULED],
        parameters=offer.parameters(entry.run, entry.overrides),
        schedule=Cron(entry.cron, timezone=entry.timezone, active=entry.active, slug=entry.name),
    )


def _deployment(offer: Offer, name: str, **more: Any) -> RunnerDeployment:
    made = offer.flow.to_deployment(
        name, work_pool_name=POOL, entrypoint_type=EntrypointType.MODULE_PATH, **more
    )
    assert isinstance(made, RunnerDeployment)
    # What it says is its version, so that applying the same again can be left out.
    said = [made.model_dump(mode="json", exclude={"version"}), offer.flow.parameters.model_dump(mode="json")]
    made.version = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return made


def _applied(client: SyncPrefectClient, wanted: RunnerDeployment) -> list[str]:
    try:
        there = client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        wanted.apply()
        return [f"made {wanted.full_name}"]
    if there.version == wanted.version and there.work_pool_name == POOL:
        return []
    wanted.apply()
    return [f"updated {wanted.full_name}"]


def main() -> None:
    """Deploy, then work: what `assay ui` runs beside its servers."""
    from flows import pool

    deploy()
    pool.work()


if __name__ == "__main__":
    environment.prepare(quiet=False)
    main()
