"""The receiver: takes the Hub's webhooks and starts the runs that the rules name."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.sorting import DeploymentSort
from prefect.exceptions import ObjectNotFound

from tasks.errors import BadEvaluation, UserError, listing
from tasks.events.pushes import Push, Rule, Start, pushes, starts

HEADER = "X-Webhook-Secret"
MOST_BYTES = 1_000_000
"""A webhook of the Hub's is a few thousand bytes."""

Begin = Callable[[Push], list[dict[str, str]]]


class _Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def app(rules: Sequence[Rule], secret: str, begin: Begin | None = None) -> FastAPI:
    """Return the application: POST / takes webhooks, GET /health says that it is there.

    Args:
        rules: What a push starts.
        secret: What the Hub sends along.
        begin: Starts the runs of a push, and returns them; left out, Prefect's.
    """
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    start = begin or (lambda push: begun(push, rules))

    @made.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @made.post("/")
    async def receive(request: Request) -> Response:
        try:
            # Before anything is read: only the Hub may make this process work.
            if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), secret.encode()):
                raise _Refusal(401, f"The header {HEADER} is missing or not right.")
            found = pushes(_json(await _body(request)))
            runs = [run for push in found for run in await run_in_threadpool(start, push)]
        except _Refusal as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status)
        except UserError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"pushes": len(found), "runs": runs}, 202 if runs else 200)

    return made


async def _body(request: Request) -> bytes:
    """Read a request's body, and no more of it than a webhook can have."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise _Refusal(413, f"A webhook has at most {MOST_BYTES} bytes.")
    return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refusal(400, "The body is not JSON.") from error


def begun(push: Push, rules: Sequence[Rule]) -> list[dict[str, str]]:
    """Start the runs of a push; one that was started for the same commit before is not started again.

    Raises:
        BadEvaluation: A rule names a deployment that is not there.
    """
    with get_client(sync_client=True) as client:
        return [_run(client, each) for each in starts(push, rules, lambda name: _parameters(client, name))]


def _run(client: SyncPrefectClient, start: Start) -> dict[str, str]:
    deployment = _deployment(client, start.deployment)
    run = client.create_flow_run_from_deployment(
        deployment.id,
        parameters=dict(start.parameters) if start.parameters is not None else None,
        idempotency_key=start.key,
        tags=["assay", "hub"],
    )
    return {"run": str(run.id), "name": run.name, "what": start.label}


def _parameters(client: SyncPrefectClient, name: str) -> dict[str, Any]:
    return dict(_deployment(client, name).parameters or {})


def _deployment(client: SyncPrefectClient, name: str) -> Any:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        there = client.read_deployments(limit=200, sort=DeploymentSort.NAME_ASC)
        flows = {each.flow_id: client.read_flow(each.flow_id).name for each in there}
        names = [f"{flows[each.flow_id]}/{each.name}" for each in there]
        raise BadEvaluation(f"Prefect has no deployment '{name}'; there are: {listing(names)}.") from error
