"""What runs by itself on real servers: at times, or after something; and what is told then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from tests.e2e import inbox
from tests.e2e.installation import Installation, deployment_id, done, until

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("scheduled") / "assay", demo)
    installation.assay(*installation.start)
    with installation.client() as client:
        deployment_id(client, "evaluate/evaluate")
    try:
        yield installation
    finally:
        installation.assay("ui", "--stop")


def config(folder: Path, demo: Path, model: Path, rows: int = 300) -> Path:
    file = folder / "digits.yaml"
    written = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": rows},
        "models": [str(model)],
        "metrics": ["accuracy"],
    }
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    return file


def schedules(folder: Path, *entries: dict[str, Any]) -> str:
    file = folder / "schedules.yaml"
    file.write_text(yaml.safe_dump({"schedules": list(entries)}), encoding="utf-8")
    return str(file)


def runs_of(installation: Installation, name: str) -> list[FlowRun]:
    with installation.client() as client:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id(client, name)]))
        return client.read_flow_runs(
            deployment_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=50
        )


def ended(installation: Installation, name: str, count: int = 1) -> list[FlowRun] | None:
    found = [run for run in runs_of(installation, name) if done(run)]
    return found if len(found) >= count else None


def is_gone(client: SyncPrefectClient, run: FlowRun) -> bool:
    try:
        client.read_flow_run(run.id)
    except ObjectNotFound:
        return True
    return False


def test_deploying_again_changes_nothing_and_what_is_no_longer_listed_goes(
    installation: Installation, demo: Path, tmp_path: Path
) -> None:
    digits = config(tmp_path, demo, demo / "models" / "digits-resnet")
    nightly = {"name": "nightly", "run": str(digits), "cron": "0 3 * * *", "timezone": "Europe/Berlin"}
    file = schedules(tmp_path, nightly, {"name": "then", "run": "demo", "after": "evaluate/nightly"})
    first = installation.assay("deploy", file)
    assert "deployed   evaluate/nightly" in first
    assert "deployed   suite/then" in first
    with installation.client() as client:
        made = client.read_deployment_by_name("evaluate/nightly")
        planned = until(lambda: runs_of(installation, "evaluate/nightly"))
        assert "deployed" not in installation.assay("deploy", file).replace("deployed\n", "")
        again = client.read_deployment_by_name("evaluate/nightly")
        assert (again.id, again.version) == (made.id, made.version)
        assert [each.id for each in again.schedules] == [each.id for each in made.schedules]
        assert {run.id for run in planned} <= {run.id for run in runs_of(installation, "evaluate/nightly")}
        assert str(again.schedules[0].schedule.timezone) == "Europe/Berlin"
        gone = installation.assay("deploy", schedules(tmp_path))
        assert "removed    evaluate/nightly" in gone
        assert "removed    suite/then" in gone
        until(lambda: all(is_gone(client, run) for run in planned))
        assert client.read_deployment_by_name("evaluate/evaluate").id


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "x", "run": "sst", "cron": "0 3 * * *"}, ["'sst'", "Did you mean 'sst2'"]),
        ({"name": "x", "run": "sst2", "cron": "at three"}, ["five fields", "'at three'"]),
        ({"name": "x", "run": "sst2", "cron": "0 3 * * *", "timezone": "Berlin"}, ["Europe/Berlin"]),
        ({"name": "x", "run": "sst2"}, ["'x' runs by 'cron' or 'after'"]),
        ({"name": "x", "run": "sst2", "after": "nightly"}, ["evaluate/nightly"]),
        ({"name": "x", "run": "sst2", "cron": "0 3 * * *", "chnages": {}}, ["Did you mean 'changes'"]),
        ({"name": "x", "run": "sst2", "cron": "0 3 * * *", "changes": {"tusk": 1}}, ["'tusk'", "'task'"]),
    ],
)
def test_a_schedule_that_cannot_run_is_one_sentence_and_changes_nothing(
    installation: Installation, tmp_path: Path, entry: dict[str, Any], words: list[str]
) -> None:
    told = installation.assay("deploy", schedules(tmp_path, entry), code=2)
    (sentence,) = [line for line in told.splitlines() if line.startswith("assay: ")]
    assert all(word in sentence for word in words), sentence
    with installation.client() as client, pytest.raises(ObjectNotFound):
        client.read_deployment_by_name("evaluate/x")


def test_a_submitted_evaluation_runs_and_is_followed(
    installation: Installation, demo: Path, tmp_path: Path
) -> None:
    digits = config(tmp_path, demo, demo / "models" / "digits-resnet", rows=30)
    told = installation.assay("submit", str(digits), "--wait").splitlines()
    assert told[0].startswith(f"{installation.prefect}/")
    assert told[1] == "image-classification · digits · 1 model: completed"
    wrong = config(tmp_path, demo, demo / "models" / "no-such", rows=30)
    failed = installation.assay("submit", str(wrong), "--wait", code=1)
    assert ": failed: There is no model folder" in failed
    assert "sst2" in installation.assay("submit", "sst", code=2)


def test_an_http_call_starts_an_evaluation_and_a_typo_is_refused(
    installation: Installation, demo: Path
) -> None:
    api = f"{installation.prefect}/api"
    form = httpx.get(f"{api}/deployments/name/evaluate/evaluate").json()
    given: dict[str, Any] = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 30},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
    }
    start = f"{api}/deployments/{form['id']}/create_flow_run"
    for wrong in (
        {**given, "modles": []},
        {**given, "dataset": {**given["dataset"], "splt": "test"}},
        {**given, "task": "image-clasification"},
        {"task": given["task"], "dataset": given["dataset"]},
    ):
        answer = httpx.post(start, json={"parameters": wrong}, timeout=300)
        assert answer.status_code == 409, answer.text
    run = httpx.post(start, json={"parameters": given}, timeout=300).json()
    with installation.client() as client:
        finished = until(lambda: done(client.read_flow_run(run["id"])))
    assert finished.state_type == StateType.COMPLETED, finished.state


def test_a_model_that_got_worse_between_two_scheduled_runs_is_told(
    installation: Installation, demo: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    model = tmp_path / "digits-model"
    shutil.copytree(demo / "models" / "digits-resnet", model)
    digits = config(tmp_path, demo, model)
    every_minute = {"name": "watch", "run": str(digits), "flow": "reevaluate", "cron": "* * * * *"}
    with inbox.webhook() as box:
        channels = tmp_path / "notifications.yaml"
        team = {"on": ["regressed"], "via": "webhook", "address_env": "TEAM_HOOK"}
        channels.write_text(yaml.safe_dump({"notifications": [team]}), encoding="utf-8")
        installation.assay("notify", str(channels), TEAM_HOOK=box.address)
        installation.assay("deploy", schedules(tmp_path, {**every_minute, "margin": 0.02}))
        (first, *_) = until(lambda: ended(installation, "reevaluate/watch"), seen=installation.seen)
        assert first.state_type == StateType.COMPLETED, first.state
        assert first.auto_scheduled
        weights = load_file(model / "model.safetensors")
        generator = torch.Generator().manual_seed(0)
        for name, tensor in weights.items():
            if name.endswith("weight") and tensor.dim() > 1:
                noise = torch.randn(tensor.shape, generator=generator)
                weights[name] = tensor + 0.6 * tensor.std() * noise
        save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
        (letter,) = until(lambda: box.wait(1, 300), 300)
        installation.assay("deploy", schedules(tmp_path))
    assert letter["subject"].startswith("Regressed: digits-model on ")
    assert "accuracy" in letter["subject"]
    assert "p = " in letter["body"]
    assert f"MLflow: {installation.mlflow}/#/experiments/" in letter["body"]
    assert f"Prefect: {installation.prefect}/" in letter["body"]
