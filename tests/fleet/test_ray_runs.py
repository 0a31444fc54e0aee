"""Whole runs on a Ray cluster: by `assay run` and a deployment, disturbed, and begun again after a kill."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import StateType

from tests.e2e.conftest import ROOT
from tests.e2e.installation import Installation, deployment_id, done, until
from tests.endpoint.server import Talker
from tests.fleet import talk
from tests.fleet.nodes import Nodes
from tests.fleet.talk import CHUNK_ROWS, ROWS, right

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IN_HAND = 2 * 3 * CHUNK_ROWS
"""Rows that two workers may have begun and not stored: each reads ahead by a chunk or two."""


@pytest.fixture
def installation(home: Path, demo: Path) -> Installation:
    made = Installation(home, demo)
    # The shipped policy allows no cluster but the machine's own, and no endpoint.
    allowed = {
        "paths": [str(home.parent)],
        "endpoints": ["http://127.0.0.1:*"],
        "key_variables": ["*"],
        "ray": ["*"],
    }
    policy = home.parent / "policy.yaml"
    policy.write_text(yaml.safe_dump(allowed), encoding="utf-8")
    made.environment["ASSAY_POLICY"] = str(policy)
    return made


@contextmanager
def serving(installation: Installation) -> Iterator[None]:
    installation.assay(*installation.start)
    with installation.client() as client:
        deployment_id(client, "evaluate/evaluate")
    try:
        yield
    finally:
        installation.assay("ui", "--stop")


def config(folder: Path, described: dict[str, Any]) -> str:
    file = folder / "evaluation.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return str(file)


def scores(said: str) -> Any:
    (run,) = json.loads(said[said.index("{") : said.rindex("}") + 1])["runs"]
    return run["scores"]


def chunks(installation: Installation) -> list[Path]:
    return list((Path(installation.environment["ASSAY_HOME"]) / "chunks").rglob("rows-*.parquet"))


def waited(found: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something to happen while a process runs."""
    until_then = time.monotonic() + 300
    while not found():
        assert process.poll() is None, f"It ended before: {process.communicate()}"
        assert time.monotonic() < until_then, "It did not happen in 300 s."
        time.sleep(0.05)


def test_what_a_cluster_scores_is_what_one_process_scores(
    nodes: Nodes, installation: Installation, demo: Path, tmp_path: Path
) -> None:
    described = {
        "task": "text-classification",
        "dataset": {"path": str(demo / "data" / "messages"), "split": "test"},
        "columns": {"label": "topic", "text": "text"},
        "models": [str(demo / "models" / "messages-topic-small")],
        "settings": {"chunk_rows": 20},
    }
    alone = installation.assay("run", config(tmp_path, described), "--json")
    described["settings"] |= {"ray": nodes.address}
    elsewhere = str(tmp_path / "other")
    spread = installation.assay("run", config(tmp_path, described), "--json", ASSAY_CHUNKS=elsewhere)
    assert len(list(Path(elsewhere).rglob("rows-*.parquet"))) > 2
    assert scores(spread) == scores(alone)


def test_a_killed_command_goes_on_where_it_was(
    nodes: Nodes, installation: Installation, tmp_path: Path, talker: Talker
) -> None:
    file = config(tmp_path, talk.described(tmp_path, talker, ray=nodes.address))
    command = subprocess.Popen(
        installation.command("run", file, "--json"),
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        waited(lambda: len(chunks(installation)) >= 4, command)
    finally:
        command.kill()
        command.communicate()
    # Its workers end with it.
    until(lambda: not nodes.predicting(), 300)
    kept = len(chunks(installation))
    assert 4 <= kept < ROWS // CHUNK_ROWS
    before = len(talker.asked)
    said = scores(installation.assay("run", file, "--json"))
    assert said["exact_match"]["value"] == 1.0
    assert len(talker.asked) - before == ROWS - kept * CHUNK_ROWS
    assert before <= kept * CHUNK_ROWS + IN_HAND


def test_a_deployments_run_loses_a_worker_and_says_so_on_its_page(
    nodes: Nodes, installation: Installation, tmp_path: Path, talker: Talker
) -> None:
    # What a server's runs may reach: the cluster of the worker's machine, and this model server.
    installation.environment |= {"RAY_ADDRESS": nodes.address, "ASSAY_ENDPOINTS": talker.address}
    described = talk.described(tmp_path, talker, ray="auto")
    with serving(installation), installation.client() as client:
        identity = deployment_id(client, "evaluate/evaluate")
        run = client.create_flow_run_from_deployment(identity, parameters=described)
        until(lambda: len(chunks(installation)) >= 4 and len(nodes.predicting()) == 2, 300)
        nodes.predicting()[0].kill()
        ended = until(lambda: done(client.read_flow_run(run.id)), 300)
        assert ended.state_type is StateType.COMPLETED, ended.state
        asked = {"logs": {"flow_run_id": {"any_": [str(run.id)]}}}
        lines = [each["message"] for each in client.request("POST", "/logs/filter", json=asked).json()]
        assert sum("is lost, its chunks go to the others" in line for line in lines) == 1, lines
        page = client.request(
            "POST",
            "/artifacts/filter",
            json={
                "artifacts": ArtifactFilter(key=ArtifactFilterKey(any_=["devices"])).model_dump(
                    mode="json", exclude_none=True
                )
            },
        ).json()
        (latest,) = sorted(page, key=lambda each: str(each["created"]))[-1:]
        table = json.loads(latest["data"])
        states = {row["state"] for row in table}
        assert states >= {"done", "lost"}
        # The worker that was to replace the lost one may have come when nothing was left to take.
        assert "at work" not in states
    assert ROWS <= len(talker.asked) <= ROWS + IN_HAND
    assert set(right()) == {str(text) for text in answers(installation)}


def answers(installation: Installation) -> list[str]:
    import pyarrow.parquet as parquet

    return [text for each in chunks(installation) for text in parquet.read_table(each)["text"].to_pylist()]
