"""Deployments: what Prefect's pages offer as forms, and what runs by itself.

All of them run in one work pool of processes, so that any number of workers share the queue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import VersionInfo
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from flows.evaluation import evaluate
from flows.events import sequels
from flows.queue import lost_runs
from flows.queue.worker import POOL
from flows.reevaluation import reevaluate
from flows.shard import shard
from flows.suite import suite
from tasks.errors import UserError
from tasks.events import schedules
from tasks.events.schedules import Entry

TAG = "assay"
BY_ITSELF = "assay:schedules"
"""On what the file of schedules asks for: such a deployment goes when its entry does."""
FLOWS: Mapping[str, Flow[..., Any]] = {
    "evaluate": evaluate,
    "suite": suite,
    "reevaluate": reevaluate,
    "shard": shard,
}
FORMS: Mapping[str, str] = {
    "evaluate": "Evaluate one or more models on a dataset; scores go to MLflow.",
    "suite": "Run several evaluations, each model loaded once, and compare them in one table.",
    "reevaluate": "Evaluate again what changed since the last time, and say which scores got worse.",
    "shard": "Predict beside an evaluation that has settings.shards, which starts this itself.",
}


@dataclass(frozen=True)
class Deployed:
    """What deploying did.

    Attributes:
        there: Every deployment there is now, as flow/name.
        changed: Those that were not there before, or otherwise.
        removed: Those that are gone.
    """

    there: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def form(flow: str, folder: Path) -> RunnerDeployment:
    """Return the deployment whose form starts a flow.

    Args:
        flow: Its name.
        folder: Where its runs work: relative paths count from there.
    """
    return _deployment(flow, flow, folder, description=FORMS[flow], tags=[TAG])


def scheduled(entry: Entry, folder: Path) -> RunnerDeployment:
    """Return the deployment of an entry of the file of schedules.

    Raises:
        UserError: It names no config or suite, or nothing that could come before it.
    """
    try:
        flow, parameters = schedules.work(entry.run, entry.flow, entry.changes, entry.margin)
    except UserError as error:
        raise type(error)(f"The schedule '{entry.name}': {error}") from error
    timing: dict[str, Any] = {}
    if entry.cron:
        timing["schedules"] = [Cron(entry.cron, timezone=entry.timezone, slug=entry.name)]
    else:
        timing["triggers"] = [sequels.after(entry.after or "")]
    return _deployment(
        flow,
        entry.name,
        folder,
        description=f"{entry.run}, {entry.cron or f'after {entry.after}'}",
        parameters=parameters,
        tags=[TAG, BY_ITSELF],
        paused=entry.paused,
        **timing,
    )


def _deployment(flow: str, name: str, folder: Path, **more: Any) -> RunnerDeployment:
    made = cast(
        RunnerDeployment,
        FLOWS[flow].to_deployment(
            name,
            work_pool_name=POOL,
            job_variables={"working_dir": str(folder)},
            entrypoint_type=EntrypointType.MODULE_PATH,
            **more,
        ),
    )
    # Prefect makes a form of the signature once more here; the flow's own is the better one.
    made._parameter_openapi_schema = FLOWS[flow].parameters
    made.version = _digest(made)
    return made


def _digest(deployment: RunnerDeployment) -> str:
    """Return what tells a deployment from an older one of the same name."""
    told = deployment.model_dump(mode="json", exclude={"version", "id"})
    told["schedules"] = [
        each.model_dump(mode="json", include={"schedule", "active", "slug"})
        for each in deployment.schedules or []
    ]
    for schedule in told["schedules"]:
        schedule["schedule"].pop("anchor_date", None)
    told["schema"] = deployment._parameter_openapi_schema.model_dump(mode="json")
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def deploy(entries: Sequence[Entry], folder: Path) -> Deployed:
    """Make the server offer every form and run what the entries say, and nothing else by itself.

    Doing it again changes nothing.

    Args:
        entries: Of the file of schedules.
        folder: Where runs work: relative paths count from there.

    Raises:
        UserError: An entry names no config or suite.
    """
    wanted = {
        f"{each.flow_name}/{each.name}": each
        for each in (
            *(form(flow, folder) for flow in FORMS),
            *(scheduled(entry, folder) for entry in entries),
        )
    }
    with get_client(sync_client=True) as client:
        _establish_pool(client)
        lost_runs.establish(client)
        there = on_server(client)
        changed = _apply(wanted, there)
        gone = [name for name, each in there.items() if name not in wanted and BY_ITSELF in each.tags]
        for name in gone:
            with suppress(ObjectNotFound):
                client.delete_deployment(there[name].id)
    return Deployed(tuple(wanted), tuple(changed), tuple(gone))


def ensure(entries: Sequence[Entry], folder: Path) -> Deployed:
    """See that the server has what an installation needs, and leave alone what somebody deployed.

    Forms that are missing or of another version of Assay are made, the latter in the folder they had; what
    the entries say is deployed where nothing ever was.

    Args:
        entries: Of the file of schedules.
        folder: Where the runs of what is missing work.

    Raises:
        UserError: An entry names no config or suite.
    """
    with get_client(sync_client=True) as client:
        _establish_pool(client)
        lost_runs.establish(client)
        there = on_server(client)
        wanted = {}
        for flow in FORMS:
            name = f"{flow}/{flow}"
            wanted[name] = (
                _form_in_its_folder(flow, there[name], folder) if name in there else form(flow, folder)
            )
        if not there:
            wanted |= {
                f"{made.flow_name}/{made.name}": made for made in (scheduled(e, folder) for e in entries)
            }
        changed = _apply(wanted, there)
    return Deployed(tuple(sorted({*wanted, *there})), tuple(changed), ())


def is_outdated(flow: str, known: DeploymentResponse, folder: Path) -> bool:
    """Tell whether a form on the server is of another version of Assay.

    Args:
        flow: Its flow's name.
        known: What the server has.
        folder: Where its runs work, if the server does not say.
    """
    return known.version != _form_in_its_folder(flow, known, folder).version


def _form_in_its_folder(flow: str, known: DeploymentResponse, folder: Path) -> RunnerDeployment:
    """Return the form of a flow as it is now, with the folder that the server's has."""
    return form(flow, Path((known.job_variables or {}).get("working_dir") or folder))


def _apply(wanted: Mapping[str, RunnerDeployment], there: Mapping[str, DeploymentResponse]) -> list[str]:
    """Make those that are not there as wanted; return their names."""
    changed = [
        name for name, each in wanted.items() if name not in there or there[name].version != each.version
    ]
    for name in changed:
        # Left to itself, Prefect puts the commit of the git repository around it where the digest belongs.
        wanted[name].apply(version_info=VersionInfo(type="prefect:simple", version=str(wanted[name].version)))
    return changed


def _establish_pool(client: SyncPrefectClient) -> None:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        pool = WorkPoolCreate(
            name=POOL,
            type="process",
            description="Evaluations, each in a process of its own; `assay worker` runs them.",
            base_job_template=ProcessWorker.get_default_base_job_template(),
        )
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(pool)


def on_server(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """Return Assay's deployments by flow/name."""
    found: list[DeploymentResponse] = []
    page = 100
    while True:
        some = client.read_deployments(
            deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG])),
            # Its default order is one that the server refuses.
            sort=DeploymentSort.NAME_ASC,
            limit=page,
            offset=len(found),
        )
        found += some
        if len(some) < page:
            break
    flows = _flow_names(client, {each.flow_id for each in found})
    return {f"{flows[each.flow_id]}/{each.name}": each for each in found}


def _flow_names(client: SyncPrefectClient, ids: Iterable[Any]) -> dict[Any, str]:
    return {each: client.read_flow(each).name for each in ids}
