"""The pages people look at: Prefect's run graph, MLflow's comparison, in a real browser on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.serving.companion import free_port
from tests.browsers import chromium
from tests.e2e.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PICTURES = ROOT / "docs" / "images"
"""Written anew when ASSAY_PICTURES is set; the README shows them."""


@dataclass(frozen=True)
class Installation:
    """Servers on a data folder that holds a finished evaluation."""

    prefect: str
    mlflow: str
    home: Path
    run: dict[str, Any]

    def environment(self) -> dict[str, str]:
        """Return the environment of a command that uses this installation."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        return {**kept, "ASSAY_HOME": str(self.home), "HF_HUB_OFFLINE": "1"}


def _assay(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("installation") / "assay"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment = {**kept, "ASSAY_HOME": str(home), "ASSAY_DEMO": str(demo), "HF_HUB_OFFLINE": "1"}
    ports = free_port(), free_port()
    ui = ["ui", "--detach", "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1])]
    printed = _assay(environment, *ui)
    prefect, mlflow = (f"http://127.0.0.1:{port}" for port in ports)
    try:
        assert prefect in printed
        assert mlflow in printed
        config = str(ROOT / "infra/demo/evaluations/digits.yaml")
        outcome = json.loads(_assay(environment, "run", config, "--json"))
        yield Installation(prefect, mlflow, home, outcome["runs"][-1])
    finally:
        _assay(environment, "ui", "--stop")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1600, "height": 1000})


def _picture(page: Any, name: str) -> None:
    if os.environ.get("ASSAY_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(PICTURES / f"{name}.png"))


def _prefect(installation: Installation, path: str, body: dict[str, Any] | None = None) -> Any:
    import urllib.request

    request = urllib.request.Request(
        f"{installation.prefect}/api{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def test_the_run_page_shows_every_step(installation: Installation, page: Any) -> None:
    (run,) = _prefect(installation, "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    assert run["name"] == "image-classification · digits · 3 models"
    assert run["state_type"] == "COMPLETED"
    page.goto(f"{installation.prefect}/v2/runs/flow-run/{run['id']}")
    page.get_by_text("image-classification · digits · 3 models").first.wait_for(timeout=180_000)
    page.wait_for_timeout(4000)
    _picture(page, "prefect-run")
    page.get_by_role("tab", name="Task Runs").click()
    for name in ("load", "map columns", "resolve models", "predict digits-resnet", "track digits-resnet"):
        page.get_by_text(name, exact=True).first.wait_for(timeout=180_000)


def test_the_comparison_page_shows_each_model_with_its_scores(installation: Installation, page: Any) -> None:
    from mlflow import MlflowClient

    store = MlflowClient(installation.mlflow)
    experiment = store.get_experiment_by_name("digits")
    assert experiment is not None
    runs = store.search_runs([experiment.experiment_id], "tags.`assay.kind` = 'run'")
    assert len(runs) == 3
    assert runs[0].data.metrics
    ids = json.dumps([run.info.run_id for run in runs])
    page.goto(
        f"{installation.mlflow}/#/compare-runs?runs={ids}&experiments=[%22{experiment.experiment_id}%22]"
    )
    for name in ("digits-vit-nano", "digits-vit-small", "digits-resnet"):
        page.get_by_text(name).first.wait_for(timeout=180_000)
    page.get_by_role("button", name="Close").first.click(timeout=180_000)
    page.get_by_text("matthews_correlation").first.wait_for(timeout=180_000)
    shown = page.inner_text("body")
    value = installation.run["scores"]["accuracy"]["value"]
    assert f"{value:.3f}"[:4] in shown
    page.mouse.move(1450, 700)
    page.mouse.wheel(0, 1100)
    page.wait_for_timeout(2000)
    _picture(page, "mlflow-compare")


def test_the_run_in_mlflow_leads_back_to_prefect(installation: Installation, page: Any) -> None:
    from mlflow import MlflowClient

    run = MlflowClient(installation.mlflow).get_run(installation.run["mlflow_run_id"])
    assert run.data.tags["assay.prefect_url"].startswith(installation.prefect)
    page.goto(f"{installation.mlflow}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")
    page.get_by_text("digits-resnet").first.wait_for(timeout=180_000)
    page.get_by_text("Parent run").first.wait_for(timeout=180_000)


def test_the_form_is_there_and_typed(installation: Installation, page: Any) -> None:
    deployment = _deployment(installation)
    schema = deployment["parameter_openapi_schema"]
    assert "image-classification" in schema["properties"]["task"]["enum"]
    assert deployment["enforce_parameter_schema"] is True
    page.goto(f"{installation.prefect}/v2/deployments/deployment/{deployment['id']}/run")
    page.get_by_text("The kind of problem, named as on the Hub").first.wait_for(timeout=180_000)


def _deployment(installation: Installation) -> Any:
    """Return the form's deployment, which its process registers soon after the servers are up."""
    deadline = time.monotonic() + 60
    while True:
        found = _prefect(installation, "/deployments/filter", {})
        named = [each for each in found if each["name"] == "evaluate"]
        if named or time.monotonic() > deadline:
            return named[0]
        time.sleep(0.5)


def test_a_run_started_from_the_form_finishes(installation: Installation, demo: Path) -> None:
    deployment = _deployment(installation)
    parameters = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 30},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
    }
    run = _prefect(
        installation, f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters}
    )
    deadline = time.monotonic() + 120
    while run["state_type"] not in {"COMPLETED", "FAILED", "CRASHED"} and time.monotonic() < deadline:
        time.sleep(1)
        run = _prefect(installation, f"/flow_runs/{run['id']}")
    assert run["state_type"] == "COMPLETED", run["state"]
