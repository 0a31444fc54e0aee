"""An evaluation with shards is predicted by several workers of a pool, and scored and tracked once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.queue import shards
from tasks.configs import parse
from tasks.errors import BadEvaluation
from tasks.fleet import sharing
from tests.e2e.conftest import ROOT
from tests.e2e.installation import Installation, deployment_id, done, until
from tests.endpoint.server import Talker, running
from tests.fleet import talk
from tests.fleet.talk import ROWS, right


@pytest.fixture
def talker() -> Iterator[Talker]:
    """Slow until both are at work, so that neither can do it all before the other has begun."""
    with running(Talker(key="", delay=5.0)) as served:
        yield served


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_of_a_pool_predict_one_evaluation(
    home: Path, demo: Path, tmp_path: Path, talker: Talker
) -> None:
    installation = Installation(home, demo)
    installation.environment["ASSAY_ENDPOINTS"] = talker.address
    described = talk.described(tmp_path, talker, shards=2)
    hired: list[subprocess.Popen[bytes]] = []
    installation.assay(*installation.start)
    try:
        with installation.client() as client:
            identity = deployment_id(client, "evaluate/evaluate")
            # The worker that is killed next makes the deployments before it works.
            deployment_id(client, shards.DEPLOYMENT)
            servers = json.loads((home / "servers.json").read_text())
            os.killpg(servers["worker_pid"], signal.SIGKILL)
            for name in ("one", "other"):
                command = installation.command("worker", "--limit", "1", "--name", name)
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                hired.append(
                    subprocess.Popen(command, cwd=ROOT, env=installation.environment, **quiet)  # type: ignore[call-overload]  # what is quiet is no bytes
                )
            run = client.create_flow_run_from_deployment(identity, parameters=described)
            key = FlowRunFilterIdempotencyKey(any_=[f"{run.id} 2"])

            def shard() -> FlowRun | None:
                found = client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(idempotency_key=key),
                    sort=FlowRunSort.START_TIME_DESC,
                    limit=5,
                )
                return found[0] if found else None

            def holders() -> set[bytes]:
                return {claim.read_bytes() for claim in (home / "chunks").rglob("*.claim")}

            until(lambda: len(holders()) == 2, 400)
            talker.delay = 0.05
            ended = until(lambda: done(client.read_flow_run(run.id)), 300)
            other = until(lambda: done(found) if (found := shard()) else None, 300)
            assert (ended.state_type, other.state_type) == (StateType.COMPLETED, StateType.COMPLETED)
            assert other.name.endswith("shard 2 of 2")
            taken = {until(lambda each=each: said_of(client, each)) for each in (ended, other)}
            assert taken == {"one", "other"}
    finally:
        for worker in hired:
            worker.terminate()
        for worker in hired:
            try:
                worker.wait(120)
            except subprocess.TimeoutExpired:
                worker.kill()
        installation.assay("ui", "--stop")
    store = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    (experiment,) = [each for each in store.search_experiments() if each.name == "talk"]
    runs = store.search_runs([experiment.experiment_id], "tags.`assay.kind` != 'evaluation'")
    assert [each.data.metrics["exact_match"] for each in runs] == [1.0]
    # Each was asked once, whoever asked.
    assert sorted(asked.prompt for asked in talker.asked) == sorted(
        f"what of number {row}" for row in range(ROWS)
    )
    assert len(right()) == ROWS


def said_of(client: Any, run: FlowRun) -> str | None:
    """Return the name of the worker that started a run, once its log tells it."""
    asked = {"logs": {"flow_run_id": {"any_": [str(run.id)]}}}
    lines = [each["message"] for each in client.request("POST", "/logs/filter", json=asked).json()]
    return next((line.split("'")[1] for line in lines if line.startswith("Worker '")), None)


@pytest.mark.parametrize(
    ("settings", "streamed", "reason"),
    [
        ({"ray": "auto"}, False, "a Ray cluster shares its chunks out itself"),
        ({"reuse": False}, False, "which 'reuse: false' does not look at"),
        ({}, True, "a stream is read front to back by one process"),
    ],
)
def test_what_shards_cannot_share_is_one_sentence(
    settings: dict[str, Any], streamed: bool, reason: str
) -> None:
    given = {"task": "text-classification", "dataset": {"path": "a/b"}, "models": ["c/d"]}
    asked = parse({**given, "settings": {"shards": 4, **settings}}).settings
    with pytest.raises(BadEvaluation, match=f"settings.shards is 4, and .*{reason}"):
        sharing.check(asked, streamed=streamed)
    sharing.check(parse({**given, "settings": {"shards": 1, **settings}}).settings, streamed=streamed)
