"""`assay submit`: start evaluations on the running server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console, environment
from tasks.errors import AssayError, BadEvaluation, listing
from tasks.events import schedules

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

POLL = 0.5


class RunFailed(AssayError):
    """A run that was waited for did not complete."""


def submit(
    config: Annotated[
        list[str], typer.Argument(help="Config or suite files, or names of shipped ones (see `assay list`).")
    ],
    reevaluate: Annotated[
        bool, typer.Option("--reevaluate", help="Evaluate only what changed, and say what got worse.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every run has ended.")] = False,
) -> None:
    """Start evaluations or suites on the running server, and print their pages."""
    asked = [schedules.work(name, "reevaluate" if reevaluate else None) for name in config]
    environment.prepare()
    environment.need_server("run evaluations")
    from prefect.client.orchestration import get_client
    from prefect.utilities.urls import url_for

    with get_client(sync_client=True) as client:
        runs = [_started(client, flow, parameters) for flow, parameters in asked]
        for run in runs:
            console.out.print(url_for("flow-run", obj_id=run.id) or str(run.id), markup=False, soft_wrap=True)
        ended = [_ended(client, run) for run in runs] if wait else []
    for run in ended:
        state = run.state
        if state is not None:
            said = "" if state.is_completed() else f": {state.message}"
            console.out.print(f"{run.name}: {str(state.name).lower()}{said}", markup=False, soft_wrap=True)
    if failed := [run.name for run in ended if run.state is None or not run.state.is_completed()]:
        raise RunFailed(f"{len(failed)} of {len(ended)} runs did not complete: {listing(failed)}.")


def _started(client: SyncPrefectClient, flow: str, parameters: dict[str, Any]) -> FlowRun:
    from prefect.exceptions import ObjectNotFound

    try:
        deployment = client.read_deployment_by_name(f"{flow}/{flow}")
    except ObjectNotFound as error:
        raise BadEvaluation(
            f"The server has no deployment '{flow}/{flow}'; `assay deploy` makes it."
        ) from error
    return client.create_flow_run_from_deployment(deployment.id, parameters=parameters)


def _ended(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    while True:
        found = client.read_flow_run(run.id)
        if found.state is not None and found.state.is_final():
            return found
        time.sleep(POLL)
