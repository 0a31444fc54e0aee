"""What a policy keeps from being run through the real server and worker: the run's state says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import httpx
import pytest
import yaml
from prefect.client.schemas.objects import FlowRun

from tasks import configs
from tasks.policy import rules
from tests.e2e.installation import Installation, deployment_id, done, until
from tests.endpoint.server import KEY, MODEL, Talker, answer, running

pytestmark = [pytest.mark.slow]
ROWS = 60


@pytest.fixture(scope="module")
def talker() -> Iterator[Talker]:
    with running(Talker()) as served:
        yield served


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policy, in a place where the tests may change it: it is read for every run."""
    file = tmp_path_factory.mktemp("policy") / "policy.yaml"
    write(file)
    return file


def write(file: Path, **limits: Any) -> None:
    shipped = configs.document(rules.SHIPPED)
    file.write_text(yaml.safe_dump({**shipped, "limits": {**shipped["limits"], **limits}}), encoding="utf-8")


@pytest.fixture(scope="module")
def installation(
    demo: Path, talker: Talker, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("guarded") / "assay", demo)
    installation.environment |= {
        rules.VARIABLE: str(file),
        "ASSAY_ENDPOINTS": talker.address,
        "OPENAI_API_KEY": KEY,
    }
    installation.assay(*installation.start)
    try:
        yield installation
    finally:
        installation.assay("ui", "--stop")


def started(installation: Installation, flow: str, parameters: dict[str, Any]) -> str:
    with installation.client() as client:
        identity = deployment_id(client, f"{flow}/{flow}")
    start = f"{installation.prefect}/api/deployments/{identity}/create_flow_run"

    def answered() -> httpx.Response | None:
        found = httpx.post(start, json={"parameters": parameters}, timeout=300)
        # SQLite lets one write at a time, and says so where a machine is slow.
        return None if found.status_code == 503 else found

    found = until(answered)
    assert found.status_code == 201, found.text
    return str(found.json()["id"])


def ended(installation: Installation, identity: str) -> FlowRun:
    with installation.client() as client:
        return until(lambda: done(client.read_flow_run(identity)), 300)


def digits(demo: Path, **more: Any) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 20},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
        **more,
    }


def test_what_the_policy_does_not_allow_fails_with_one_sentence_and_the_demo_runs(
    installation: Installation, demo: Path, file: Path
) -> None:
    write(file)
    one = [{"name": str(demo / "models" / "digits-resnet")}]
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("evaluate", digits(demo, dataset={"path": "/etc/hosts.csv"}), "The dataset '/etc/hosts.csv'"),
        (
            "evaluate",
            digits(demo, dataset={"path": f"{demo}/../../tests"}),
            f"The dataset '{demo}/../../tests'",
        ),
        ("evaluate", digits(demo, models=[{"predictions": "/etc/p.csv"}]), "The file of predictions"),
        (
            "reevaluate",
            digits(demo, settings={"allow_remote_code": True}),
            "What 'allow_remote_code' asks for",
        ),
        (
            "evaluate",
            digits(demo, models=[{"name": "m", "endpoint": "http://169.254.169.254/v1"}]),
            "The endpoint 'http://169.254.169.254'",
        ),
        (
            "suite",
            {"name": "s", "evaluations": [{"config": "/etc/passwd"}], "models": one},
            "The config file '/etc/passwd'",
        ),
    ]
    runs = [(started(installation, flow, parameters), begins) for flow, parameters, begins in asked]
    allowed = started(installation, "evaluate", digits(demo))
    for identity, begins in runs:
        state = ended(installation, identity).state
        assert state is not None
        assert state.is_failed(), state
        said = str(state.message)
        assert said.startswith(begins), said
        assert str(file) in said
        assert "\n" not in said
    state = ended(installation, allowed).state
    assert state is not None
    assert state.is_completed(), state


def test_a_run_over_its_time_ends_in_good_order_and_the_same_run_goes_on(
    installation: Installation, talker: Talker, file: Path, tmp_path: Path
) -> None:
    prompts = [f"what of number {number}" for number in range(ROWS)]
    made = datasets.Dataset.from_dict({"prompt": prompts, "answer": [answer(each) for each in prompts]})
    made.save_to_disk(tmp_path / "talk")
    slow = {
        "task": "text-generation",
        "dataset": {"path": str(tmp_path / "talk")},
        "models": [{"name": MODEL, "endpoint": talker.address, "concurrency": 2}],
        "settings": {"chunk_rows": 16, "resamples": 0},
    }
    # Sixty rows by two at a time take fifteen seconds at the least.
    write(file, hours=5 / 3600)
    talker.delay = 0.5
    state = ended(installation, started(installation, "evaluate", slow)).state
    assert state is not None
    assert state.is_failed(), state
    found = re.fullmatch(
        rf"Stopped by policy after 5 s \(limits\.hours in {re.escape(str(file))}\); "
        rf"(\d+) of {ROWS} rows are kept; run it again to go on\.",
        str(state.message),
    )
    assert found, state.message
    kept = int(found[1])
    assert 0 < kept < ROWS
    write(file)
    talker.delay = 0.0
    talker.asked.clear()
    state = ended(installation, started(installation, "evaluate", slow)).state
    assert state is not None
    assert state.is_completed(), state
    assert len({each.prompt for each in talker.asked}) == ROWS - kept


def test_the_command_says_what_is_in_force_and_what_would_run(
    installation: Installation, tmp_path: Path, file: Path
) -> None:
    write(file, models=3)
    shown = installation.assay("policy")
    assert shown.startswith(f"# {file}\n")
    assert yaml.safe_load(shown)["limits"]["models"] == 3
    config = tmp_path / "mine.yaml"
    mine = {"task": "text-classification", "dataset": {"path": "/etc/rows.csv"}, "models": ["a/b"]}
    config.write_text(yaml.safe_dump(mine), encoding="utf-8")
    told = installation.assay("policy", "check", "sst2", str(config), "demo", code=2).splitlines()
    assert told[0] == "sst2: allowed"
    assert told[1].startswith(f"{config}: The dataset '/etc/rows.csv' is not allowed by the policy")
    assert told[2] == "demo: allowed"
    assert "Did you mean 'check'" in installation.assay("policy", "chek", code=2)
