"""Sequels: a deployment that runs when another has completed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.events import DeploymentEventTrigger

from tasks.errors import BadEvaluation


def after(upstream: str, parameters: dict[str, Any] | None = None) -> DeploymentEventTrigger:
    """Return the trigger of a deployment that runs whenever another one's run completes.

    Args:
        upstream: The other deployment, as evaluate/nightly.
        parameters: The flow's parameters; left out, the deployment's own.

    Raises:
        BadEvaluation: The name is not of that form.
    """
    flow, slash, name = upstream.partition("/")
    if not (flow and slash and name) or "/" in name:
        raise BadEvaluation(f"'{upstream}' names no deployment: that is flow/name, as evaluate/nightly.")
    return DeploymentEventTrigger(
        name=f"assay: after {upstream}",
        expect={"prefect.flow-run.Completed"},
        match_related=[
            {"prefect.resource.role": "flow", "prefect.resource.name": flow},
            {"prefect.resource.role": "deployment", "prefect.resource.name": name},
        ],
        threshold=1,
        within=timedelta(0),
        parameters=parameters,
    )
