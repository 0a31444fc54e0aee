"""`assay submit`: queues an evaluation on the running server."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from flows import console, environment
from tasks.errors import AssayError


def submit(
    config: Annotated[str, typer.Argument(help="A config file, or the name of a shipped one.")],
    flow: Annotated[str, typer.Option(help="What runs it: evaluate, suite or reevaluate.")] = "evaluate",
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end.")] = False,
) -> None:
    """Queue an evaluation for the workers, and print the address of its page."""
    environment.prepare()
    environment.require_server()
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound
    from prefect.utilities.urls import url_for

    from flows.deployments import FLOWS
    from tasks.errors import BadEvaluation, unknown

    if flow not in FLOWS:
        raise unknown("flow", flow, FLOWS)
    parameters = FLOWS[flow].parameters(config, {})
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(f"{FLOWS[flow].flow.name}/{flow}")
        except ObjectNotFound as error:
            raise BadEvaluation(f"The server does not offer '{flow}' yet; run `assay deploy`.") from error
        run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
        console.out.print(url_for("flow-run", obj_id=run.id), markup=False, soft_wrap=True)
        shown = None
        while wait:
            run = client.read_flow_run(run.id)
            state = run.state
            if state and state.name != shown:
                shown = state.name
                console.aside.print(f"  {shown}", markup=False)
            if state and state.is_final():
                if not state.is_completed():
                    raise AssayError(state.message or f"The run ended as {state.name}.")
                return
            time.sleep(1)
