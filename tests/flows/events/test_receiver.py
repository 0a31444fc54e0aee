"""The receiver against a real Prefect server: who is let in, what is started, and that it is started once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prefect.client.orchestration import get_client

from flows.events import receiver
from flows.queue.deployments import deploy
from tasks.events.pushes import Rule
from tests.events.test_pushes import MODEL, refs, webhook

pytestmark = pytest.mark.usefixtures("prefect_server")
SECRET = "a secret of the Hub's"
RIGHT = {receiver.HEADER: SECRET}
RULES = [Rule(repo=MODEL, configs=["sst2", "emotion"])]


@pytest.fixture
def hub() -> TestClient:
    return TestClient(receiver.app(RULES, SECRET))


def never(*_: Any) -> Any:
    raise AssertionError("something was started")


def test_only_who_knows_the_secret_is_let_in() -> None:
    closed = TestClient(receiver.app(RULES, SECRET, never))
    for headers in (
        {},
        {receiver.HEADER: ""},
        {receiver.HEADER: SECRET[:-1]},
        {receiver.HEADER: SECRET + "x"},
    ):
        assert closed.post("/", json=webhook(), headers=headers).status_code == 401
    assert closed.get("/health").json() == {"status": "ok"}
    assert closed.get("/docs").status_code == 404


def test_what_is_too_large_or_no_webhook_is_refused() -> None:
    closed = TestClient(receiver.app(RULES, SECRET, never))
    large = closed.post("/", content=b" " * (receiver.MOST_BYTES + 1), headers=RIGHT)
    assert (large.status_code, large.json()["error"]) == (413, "A webhook has at most 1000000 bytes.")
    assert closed.post("/", content=b"{", headers=RIGHT).status_code == 400
    assert closed.post("/", content=b"[" * 100_000, headers=RIGHT).status_code == 400
    told = closed.post("/", json={"event": {}}, headers=RIGHT)
    assert (told.status_code, told.json()["error"][:31]) == (422, "This is no webhook of the Hub's")


def test_a_push_starts_its_runs_once_however_often_it_is_delivered(hub: TestClient) -> None:
    deploy([], Path.cwd())
    pushed = webhook(**refs("refs/heads/main", f"c0ffee{time.time_ns():x}"))
    first = hub.post("/", json=pushed, headers=RIGHT)
    assert first.status_code == 202
    runs = first.json()["runs"]
    assert [run["what"] for run in runs] == ["sst2", "emotion"]
    assert hub.post("/", json=pushed, headers=RIGHT).json()["runs"] == runs
    other = hub.post("/", json=webhook(**refs("refs/heads/main", f"beef{time.time_ns():x}")), headers=RIGHT)
    assert not {run["run"] for run in other.json()["runs"]} & {run["run"] for run in runs}
    commit = pushed["updatedRefs"][0]["newSha"]
    with get_client(sync_client=True) as client:
        for run in runs:
            found = client.read_flow_run(run["run"])
            assert found.state is not None
            assert found.state.is_scheduled()
            assert found.parameters["models"] == [
                {**found.parameters["models"][0], "name": MODEL, "revision": commit}
            ]
            assert "hub" in found.tags


def test_what_starts_nothing_says_so(hub: TestClient) -> None:
    comment = webhook(event={"action": "create", "scope": "discussion.comment"})
    answer = hub.post("/", json=comment, headers=RIGHT)
    assert (answer.status_code, answer.json()) == (200, {"pushes": 0, "runs": []})


def test_a_deployment_that_is_not_there_is_named_with_those_that_are() -> None:
    deploy([], Path.cwd())
    rules = [Rule(repo=MODEL, deployments=["evaluate/nightley"])]
    answer = TestClient(receiver.app(rules, SECRET)).post("/", json=webhook(), headers=RIGHT)
    assert answer.status_code == 422
    assert "no deployment 'evaluate/nightley'; there are: " in json.loads(answer.content)["error"]
