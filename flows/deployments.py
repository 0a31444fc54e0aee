"""Deployments: what the Prefect UI offers as a form, and what runs on a schedule."""

from __future__ import annotations

from typing import cast

from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron

from flows import environment, suite
from flows.evaluation import evaluate
from tasks.spec import Evaluation

FORM = "evaluate"


def form() -> RunnerDeployment:
    """Return the deployment whose form starts any evaluation."""
    made = evaluate.to_deployment(
        FORM,
        description="Evaluate one or more models on a dataset; scores go to MLflow.",
        tags=["assay"],
    )
    return cast(RunnerDeployment, made)


def scheduled(name: str, evaluation: Evaluation, cron: str, timezone: str = "UTC") -> RunnerDeployment:
    """Return a deployment that runs one evaluation on a cron schedule, active from the start."""
    made = evaluate.to_deployment(
        name,
        parameters=evaluation.model_dump(mode="json"),
        schedule=Cron(cron, timezone=timezone),
        tags=["assay", "scheduled"],
    )
    return cast(RunnerDeployment, made)


def main() -> None:
    """Serve the form until told to stop; schedules are left as they are when it stops."""
    from prefect import serve

    serve(form(), suite.form(), pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    environment.prepare(quiet=False)
    main()
