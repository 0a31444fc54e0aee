"""What people see of tracked runs: MLflow's own pages and the leaderboard's, in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tasks.board import board_page, leaderboard
from tasks.tracking import ledger, views
from tests.board.test_leaderboard import HOSTILE, entry
from tests.browsers import PATIENCE, chromium
from tests.e2e.conftest import ROOT
from tests.tracking.material import judged, searched
from tests.tracking.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PICTURES = ROOT / "docs" / "images"
MODELS = ("digits-vit-nano", "digits-vit-small", "digits-resnet")


@dataclass(frozen=True)
class Tracked:
    """A server with three models on two datasets."""

    url: str
    runs: dict[str, str]

    @property
    def store(self) -> MlflowClient:
        return MlflowClient(self.url)


@pytest.fixture(scope="module")
def tracked(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    folder = tmp_path_factory.mktemp("tracked")
    server = Server(folder / "server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_HOME", str(folder / "home"))
        patch.setenv("MLFLOW_TRACKING_URI", server.url)
        try:
            server.start()
            for split in ("test", "train"):
                judged(demo, split=split, limit=100, models=MODELS).track()
            runs = {f"{run.tag('model')} {run.tag('split')}": run.run_id for run in ledger.entries()}
            yield Tracked(server.url, runs)
        finally:
            server.stop()


@pytest.fixture
def page() -> Iterator[Any]:
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1500, "height": 900})
        opened.set_default_timeout(PATIENCE)
        yield opened


def picture(page: Any, name: str) -> None:
    if os.environ.get("ASSAY_PICTURES"):
        page.screenshot(path=str(PICTURES / f"{name}.png"))


def close_assistant(page: Any) -> None:
    page.get_by_role("button", name="Close").first.click(timeout=180_000)


def test_the_experiments_view_shows_one_line_a_model_with_its_scores(tracked: Tracked, page: Any) -> None:
    experiment = tracked.store.get_experiment_by_name("digits")
    assert experiment is not None
    assert f"]({views.link(experiment.experiment_id, 'image-classification')})" in experiment.tags[views.NOTE]
    page.goto(f"{tracked.url}/{views.link(experiment.experiment_id, 'image-classification')}")
    page.get_by_text("digits-vit-nano").first.wait_for()
    page.get_by_text("f1_macro").first.wait_for()
    page.get_by_text("6 matching runs").wait_for()
    value = tracked.store.get_run(tracked.runs["digits-vit-nano test"]).data.metrics["accuracy"]
    page.get_by_text(str(value)[:8]).first.wait_for()
    assert page.get_by_text("image-classification · digits · test").count() == 0
    close_assistant(page)
    picture(page, "mlflow-scores")


def test_a_models_page_shows_its_scores_on_every_dataset(tracked: Tracked, page: Any) -> None:
    home = tracked.store.get_experiment_by_name("models")
    assert home is not None
    models = {each.name: each for each in tracked.store.search_logged_models([home.experiment_id])}
    assert set(models) == set(MODELS)
    page.goto(
        f"{tracked.url}/#/experiments/{home.experiment_id}/models/{models['digits-vit-nano'].model_id}"
        "?workflowType=machine_learning"
    )
    page.get_by_text("Metrics (4)").wait_for()
    for split in ("test", "train"):
        page.get_by_text(f"digits {split} (100 rows)").first.wait_for()
    close_assistant(page)
    page.get_by_text("Metrics (4)").scroll_into_view_if_needed()
    picture(page, "mlflow-model")
    page.get_by_role("row").filter(has_text="train").get_by_role("link", name="digits-vit-nano").first.click()
    page.wait_for_url(f"**/runs/{tracked.runs['digits-vit-nano train']}**")


def test_the_ledger_reads_a_server_as_mlflows_client_does(tracked: Tracked, monkeypatch: Any) -> None:
    found = searched(tracked.store)
    assert len(found) == 6
    assert {each.run_id: each for each in _of(tracked)} == found
    monkeypatch.setattr(ledger, "PAGE", 2)
    latest = _of(tracked)
    assert {each.run_id: each for each in latest} == found
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracked.url)
    assert ledger.entries(most=3) == latest[:3]
    (only,) = ledger.entries({"split": "train", "model": "digits-resnet"})
    assert only.run_id == tracked.runs["digits-resnet train"]


def test_the_leaderboard_sorts_filters_unfolds_and_links(tracked: Tracked, page: Any, tmp_path: Path) -> None:
    places = leaderboard.places(_of(tracked))
    file = tmp_path / "leaderboard.html"
    file.write_text(board_page.page(places, tracked.url), encoding="utf-8")
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    assert page.locator("tr.board").count() == 2
    shown = page.locator("tr.run td.model").all_inner_texts()
    assert set(shown[:3]) == set(MODELS)
    assert shown[2] == shown[5] == "digits-vit-nano"
    bases = [text.split()[1:] for text in page.locator("tr.run td.rank").all_inner_texts()]
    assert bases[0] == bases[3] == ["interval"]
    assert bases[1] == bases[4] == ["paired", "test"]
    picture(page, "leaderboard")
    page.locator("[data-sort=value]").click()
    assert page.locator("tr.run td.model").first.inner_text().startswith("digits-vit-nano")
    page.locator("[data-sort=value]").click()
    assert page.locator("tr.run td.model").last.inner_text().startswith("digits-vit-nano")
    page.locator("[data-sort=value]").click()
    page.locator("select[name=split]").select_option("train")
    assert page.locator("tr.run").count() == 3
    page.locator("select[name=score]").select_option("f1_macro")
    assert page.locator("tr.run td:nth-child(3)").all_inner_texts() == ["f1_macro ↑"] * 3
    page.locator("input[name=model]").fill("NANO")
    assert page.locator("tr.run td.model").all_inner_texts() == ["digits-vit-nano"]
    page.locator("input[name=model]").fill("nothing")
    assert page.locator("#none").is_visible()
    page.locator("input[name=model]").fill("")
    page.locator("tr.run").nth(2).click()
    pins = page.locator("tr.pins").inner_text()
    assert "model_commit" in pins
    assert asked == [file.as_uri()]
    with page.context.expect_page() as opened:
        page.locator("tr.pins a").click()
    opened.value.wait_for_url(f"**/runs/{tracked.runs['digits-vit-nano train']}**")
    opened.value.get_by_text("digits-vit-nano").first.wait_for()
    assert wrong == []


def test_the_leaderboard_opens_where_mlflow_shows_artifacts(tracked: Tracked, page: Any) -> None:
    run_id = tracked.runs["digits-resnet test"]
    store = tracked.store
    places = leaderboard.places(_of(tracked))
    store.log_text(run_id, board_page.page(places, tracked.url), "leaderboard.html")
    experiment = store.get_run(run_id).info.experiment_id
    page.goto(f"{tracked.url}/#/experiments/{experiment}/runs/{run_id}/artifacts/leaderboard.html")
    frame = page.frame_locator("iframe.mlflow-html-iframe")
    frame.locator("tr.run").first.wait_for()
    assert frame.locator("tr.run").count() == 6
    frame.locator("[data-sort=model]").click()
    frame.locator("tr.run").first.click()
    # A page in that frame may open no window, so that the address is there to be copied.
    assert frame.locator("tr.pins a").inner_text().startswith(tracked.url)


def test_hostile_names_are_shown_and_do_nothing(page: Any, tmp_path: Path) -> None:
    places = leaderboard.places([entry(HOSTILE, 0.9, tags={"dataset": HOSTILE}), entry("b", 0.5)])
    file = tmp_path / "leaderboard.html"
    file.write_text(board_page.page(places, "javascript:alert(1)"), encoding="utf-8")
    page.goto(file.as_uri())
    assert page.locator("tr.run td.model").first.text_content() == HOSTILE
    page.locator("tr.run").first.click()
    assert page.locator("tr.pins a").count() == 0
    assert page.locator("img").count() == 0
    assert page.title() == "Leaderboard"


def test_two_thousand_runs_are_one_small_page(page: Any, tmp_path: Path) -> None:
    entries = [
        entry(
            f"organisation/model-{number % 100}",
            0.5 + number % 97 / 200,
            run=f"{number:032x}",
            tags={"dataset": f"dataset-{number // 100}"},
        )
        for number in range(2000)
    ]
    text = board_page.page(leaderboard.places(entries), "http://127.0.0.1:5000")
    assert len(text.encode()) < 1_000_000
    file = tmp_path / "leaderboard.html"
    file.write_text(text, encoding="utf-8")
    page.goto(file.as_uri())
    assert page.locator("tr.run").count() == 2000
    page.locator("[data-sort=value]").click()
    assert page.locator("tr.board").count() == 0
    page.locator("input[name=model]").fill("model-17")
    assert page.locator("tr.run").count() == 20


def _of(tracked: Tracked) -> list[ledger.Entry]:
    """Return the runs of the tests' server, whatever the environment says by now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracked.url)
        return ledger.entries()
