"""Announcements: the events `assay.evaluation.…` and `assay.suite.…`, emitted as each run ends.

Whatever listens to Prefect's events can act on them; `flows.events.notifications` makes the automations that
send them on as messages.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.flows import Flow
from prefect.utilities.urls import url_for

from flows.membership import membership
from flows.serving.companion import COMPANION
from tasks.board.scoreboard import Scoreboard
from tasks.events import notices
from tasks.events.notices import Notice
from tasks.report import RunReport
from tasks.track import run_url
from tasks.tracking.mlflow_store import client

ALONE = "nothing"
"""What an evaluation is part of that is on its own."""


def announce(notice: Notice, flow_run_id: str) -> None:
    """Emit a notice as an event about the run that it tells of."""
    emit_event(
        notice.event,
        {
            "prefect.resource.id": f"assay.{notice.about}.{flow_run_id}",
            "prefect.resource.name": notice.subject[:200],
            "assay.part_of": membership.get().tags.get("assay.suite", ALONE),
        },
        payload=notice.payload(),
    )


def links(flow_run: FlowRun, mlflow_run_id: str | None = None) -> dict[str, str]:
    """Return the addresses of a run's pages, of those servers that will still be there."""
    from mlflow.exceptions import MlflowException

    found = {}
    if COMPANION not in os.environ and (page := url_for("flow-run", obj_id=flow_run.id)):
        found["Prefect"] = page
    if mlflow_run_id:
        # What is to be told is worth more than a link that cannot be had.
        with suppress(MlflowException):
            run = client().get_run(mlflow_run_id)
            url = run_url(run.info.experiment_id, mlflow_run_id)
            found |= {"MLflow": url} if url.startswith("http") else {}
    return found


def evaluation_ended(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Announce an evaluation that completed or failed: a hook of its flow."""
    found = _outcome(state)
    if isinstance(found, Exception):
        reports: list[RunReport] = list(getattr(found, "reports", ()))
        told = links(flow_run, reports[0].mlflow_run_id if reports else None)
        announce(notices.failed(flow_run.name, str(found), told, reports), str(flow_run.id))
    elif found:
        told = links(flow_run, next((each for each in found if each.best), found[0]).mlflow_run_id)
        announce(notices.completed(found, told), str(flow_run.id))


def suite_ended(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Announce a suite that completed or failed: a hook of its flow."""
    found = _outcome(state)
    board = getattr(found, "board", found)
    if isinstance(board, Scoreboard):
        notice = notices.of_suite(board, links(flow_run, board.mlflow_run_id))
    else:
        told = notices.failed(flow_run.name, str(found), links(flow_run))
        notice = Notice("failed", "suite", told.subject, told.message, told.facts, told.links)
    announce(notice, str(flow_run.id))


def _outcome(state: State[Any]) -> Any:
    """Return what a flow run returned, or raised."""
    return state.result(raise_on_failure=False)
