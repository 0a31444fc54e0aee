"""Whoever can fill in a form can evaluate: from Prefect's form to the score in MLflow, in a real browser."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from tests.browsers import PATIENCE, chromium
from tests.e2e.conftest import ROOT
from tests.e2e.installation import Installation, deployment_id, done, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(2400)]
PICTURES = ROOT / "docs" / "images"
"""Written anew when ASSAY_PICTURES is set; the README shows them."""


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("form") / "assay", demo)
    installation.assay(*installation.start)
    try:
        yield installation
    finally:
        installation.assay("ui", "--stop")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1600, "height": 1000})
        opened.set_default_timeout(PATIENCE)
        yield opened


def runs(client: SyncPrefectClient) -> list[FlowRun]:
    return client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=50)


def picture(page: Any, name: str) -> None:
    if os.environ.get("ASSAY_PICTURES"):
        page.screenshot(path=str(PICTURES / f"{name}.png"))


def fill(page: Any, installation: Installation, demo: Path, *, split: str) -> FlowRun:
    """Fill in the form as a person would, submit it, and return the run it started when it has ended."""
    with installation.client() as client:
        identity = deployment_id(client, "evaluate/evaluate")
        before = {run.id for run in runs(client)}
    page.goto(f"{installation.prefect}/v2/deployments/deployment/{identity}/run")
    page.get_by_label("Select Task type").click()
    page.get_by_placeholder("Search...").fill("image-class")
    page.get_by_role("option", name="image-classification", exact=True).click()
    page.get_by_label("Path", exact=True).first.fill("ylecun/mnist")
    page.get_by_label("Split (Optional)", exact=True).first.fill(split)
    page.get_by_label("Limit (Optional)", exact=True).first.fill("40")
    if split == "test":
        picture(page, "prefect-form")
    page.get_by_label("Path", exact=True).first.fill(str(demo / "data" / "digits"))
    page.get_by_role("button", name="Add item").first.click()
    page.get_by_label("Name (Optional)", exact=True).first.fill(str(demo / "models" / "digits-resnet"))
    page.get_by_role("button", name="Add item").nth(1).click()
    page.get_by_label("Select Name").click()
    page.get_by_placeholder("Search...").fill("matthews")
    page.get_by_role("option", name="matthews_correlation", exact=True).click()
    if split == "test":
        picture(page, "prefect-form-metric")
    started = submitted(page, installation, before)

    def ended() -> FlowRun | None:
        with installation.client() as client:
            return done(client.read_flow_run(started))

    return until(ended, seen=installation.seen)


def submitted(page: Any, installation: Installation, before: set[UUID]) -> UUID:
    """Submit the form, and return the run that is there then.

    On a busy machine it was once seen to start none when pressed; a person would press again.
    """
    for _ in range(5):
        page.get_by_role("button", name="Submit").click()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with installation.client() as client:
                if new := [run.id for run in runs(client) if run.id not in before]:
                    return new[0]
            time.sleep(1)
    raise AssertionError(f"The form starts no run; it shows: {page.inner_text('body')}")


def test_from_the_form_to_the_score_in_mlflow(installation: Installation, page: Any, demo: Path) -> None:
    run = fill(page, installation, demo, split="test")
    assert run.state is not None
    assert run.state.is_completed(), run.state.message
    assert run.name == "image-classification · digits · 1 model"
    page.goto(f"{installation.prefect}/v2/runs/flow-run/{run.id}")
    page.get_by_text("Completed").first.wait_for()
    page.get_by_role("tab", name="Artifacts").click()
    for name in ("predicted", "scores", "leaderboard", "mlflow-run"):
        page.get_by_text(name, exact=True).first.wait_for()
    with installation.client() as client:
        wanted = {"artifacts": {"flow_run_id": {"any_": [str(run.id)]}}}
        found = client.request("POST", "/artifacts/filter", json=wanted).json()
    artifacts = {artifact["key"]: artifact for artifact in found}
    assert "matthews_correlation" in str(artifacts["scores"]["data"])
    score = re.search(r"\b[01]\.\d{3}", str(artifacts["scores"]["data"]))
    assert score is not None
    page.goto(f"{installation.prefect}/v2/artifacts/artifact/{artifacts['mlflow-run']['id']}")
    link = page.get_by_role("link", name="The run in MLflow")
    link.wait_for()
    page.goto(link.get_attribute("href"))
    page.get_by_text(score.group()).first.wait_for()
    assert page.url.startswith(installation.mlflow)


def test_what_a_form_cannot_know_is_the_state_in_one_sentence(
    installation: Installation, page: Any, demo: Path
) -> None:
    run = fill(page, installation, demo, split="tset")
    assert run.state is not None
    assert run.state.is_failed()
    assert str(run.state.message).startswith("There is no split of ")
    assert "Did you mean 'test'" in str(run.state.message)


def test_a_call_over_http_starts_a_run_and_a_wrong_one_is_refused(
    installation: Installation, demo: Path
) -> None:
    import httpx

    api = f"{installation.prefect}/api"
    deployment = httpx.get(f"{api}/deployments/name/evaluate/evaluate").json()
    start = f"{api}/deployments/{deployment['id']}/create_flow_run"
    right: dict[str, Any] = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 20},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
    }
    for wrong in ({"task": "image-clasification"}, {"dataset": {**right["dataset"], "splt": "test"}}):
        refused = httpx.post(start, json={"parameters": {**right, **wrong}})
        assert refused.status_code == 409
        assert "Validation failed" in refused.text
    assert httpx.post(start, json={"parameters": right}).status_code == 201
