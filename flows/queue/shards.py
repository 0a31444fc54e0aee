"""Shards: runs that help with an evaluation, on whatever workers of the queue are free.

Each takes chunks that nobody is at work on, as every process on one chunk store does; the evaluation itself
waits for none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled

from flows.membership import ALONE, membership
from flows.serving.companion import COMPANION

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

    from tasks.spec import Evaluation

DEPLOYMENT = "shard/shard"


@contextmanager
def called(evaluation: Evaluation) -> Iterator[None]:
    """Have the other shards of an evaluation started, and take back those that nobody began before its end.

    Without a server that could start them, the evaluation does all of its work itself, and says so.
    """
    runs = _started(evaluation)
    try:
        yield
    finally:
        if runs:
            _withdraw(runs)


def _started(evaluation: Evaluation) -> list[FlowRun]:
    count = evaluation.settings.shards or 1
    # A suite's evaluations find their predictions made, and a function is known to this process alone.
    known_here = any(model.function is not None for model in evaluation.models)
    if count == 1 or known_here or membership.get() is not ALONE:
        return []
    if COMPANION in os.environ:
        get_run_logger().warning(
            f"settings.shards is {count}, and no server runs that could start the others; this process "
            "predicts every row."
        )
        return []
    given = {key: value for key, value in evaluation.model_dump(mode="json").items() if value is not None}
    try:
        # Declared for callers of both kinds; this one is synchronous, where the run itself comes back.
        return [
            cast(
                "FlowRun",
                run_deployment(
                    DEPLOYMENT,
                    parameters=given,
                    timeout=0,
                    flow_run_name=f"{flow_run.name} · shard {number} of {count}",
                    # One that is started again has its shards already.
                    idempotency_key=f"{flow_run.id} {number}",
                ),
            )
            for number in range(2, count + 1)
        ]
    except ObjectNotFound:
        get_run_logger().warning(
            f"settings.shards is {count}, and the server has no deployment '{DEPLOYMENT}', which "
            "`assay deploy` makes; this process predicts every row."
        )
        return []


def _withdraw(runs: list[FlowRun]) -> None:
    with get_client(sync_client=True) as client:
        for run in runs:
            with suppress(ObjectNotFound):
                state = client.read_flow_run(run.id).state
                if state is not None and state.is_scheduled():
                    client.set_flow_run_state(
                        run.id, Cancelled(message="Its evaluation has ended before a worker was free for it.")
                    )
