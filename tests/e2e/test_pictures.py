"""What people look at in MLflow, in a real browser: pictures side by side, mistakes, grids of images."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from flows.serving.companion import free_port
from tests.browsers import PATIENCE, chromium
from tests.e2e.conftest import ROOT
from tests.pictures.test_untrusted import HOSTILE, hostile_gallery
from tests.types.judging import saved
from tests.types.media import pictures, png
from tests.types.test_drawing import PROMPTS, stable_diffusion

pytestmark = [pytest.mark.slow, pytest.mark.browser]
SHOTS = ROOT / "docs" / "images"
"""Written anew when ASSAY_PICTURES is set; docs/pictures.md shows them."""
LOADED = "() => [...document.images].filter(each => each.naturalWidth > 0).map(each => each.src)"


@dataclass(frozen=True)
class Tracked:
    """An MLflow server that holds finished evaluations."""

    url: str

    def runs(self, experiment: str) -> list[Any]:
        """Return the model runs of an experiment."""
        from mlflow import MlflowClient

        store = MlflowClient(self.url)
        found = store.get_experiment_by_name(experiment)
        assert found is not None
        return list(store.search_runs([found.experiment_id], "tags.`assay.kind` = 'run'"))


def _evaluations(folder: Path, demo: Path) -> list[str]:
    """Write the configs of three evaluations: of handwriting, of hostile texts, of a model that draws."""
    topics = list(json.loads((demo / "models/messages-topic-small/config.json").read_text())["label2id"])
    with (folder / "hostile.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "topic"])
        for number, text in enumerate((*HOSTILE, *topics)):
            rows.writerow([text, topics[number % len(topics)]])
    stable_diffusion(folder / "painter")
    right = [png(each) for each in pictures(3, width=24, height=24)]
    prompts = saved(folder / "prompts", {"text": PROMPTS, "image": right}, image=datasets.Image())
    models = [
        str(demo / "models" / name) for name in ("digits-vit-nano", "digits-vit-small", "digits-resnet")
    ]
    configs: dict[str, dict[str, Any]] = {
        "digits": {
            "task": "image-classification",
            "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 200},
            "models": models,
        },
        "hostile": {
            "task": "text-classification",
            "dataset": {"path": str(folder / "hostile.csv")},
            "columns": {"text": "text", "label": "topic"},
            "models": [str(demo / "models" / "messages-topic-small")],
        },
        "prompts": {
            "task": "text-to-image",
            "dataset": {"path": prompts},
            "columns": {"prompt": "text", "target": "image"},
            "models": [str(folder / "painter")],
            "metrics": ["ssim"],
            "settings": {"diffusion": {"steps": 2, "width": 64, "height": 64}},
        },
    }
    for name, config in configs.items():
        config.setdefault("settings", {})["experiment"] = name
        (folder / f"{name}.yaml").write_text(json.dumps(config), encoding="utf-8")
    return [str(folder / f"{name}.yaml") for name in configs]


@pytest.fixture(scope="module")
def tracked(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    folder = tmp_path_factory.mktemp("tracked")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment = {
        **kept,
        "ASSAY_HOME": str(folder / "home"),
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_TRACKING_URI": url,
    }
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"),
            *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _await(f"{url}/health", server)
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", "run", *_evaluations(folder, demo)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield Tracked(url)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=300)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.3)
    raise AssertionError("MLflow's server did not start")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1900, "height": 1100})
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


def _shot(page: Any, name: str) -> None:
    if os.environ.get("ASSAY_PICTURES"):
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(SHOTS / f"{name}.png"))


def test_pictures_of_three_runs_lie_side_by_side(tracked: Tracked, page: Any) -> None:
    runs = tracked.runs("digits")
    assert len(runs) == 3
    ids = json.dumps([run.info.run_id for run in runs])
    page.goto(f"{tracked.url}/#/compare-runs?runs={ids}&experiments=[%22{runs[0].info.experiment_id}%22]")
    page.get_by_role("button", name="Close").first.click()
    for name in ("reliability.png", "per_class.png", "confusion_matrix.png"):
        # A mouse cannot: what MLflow shows of a first file lies over part of its list.
        page.get_by_text(name, exact=True).first.dispatch_event("click")
        page.wait_for_function(f"() => new Set(({LOADED})()).size >= 3")
        page.wait_for_timeout(500)
    page.locator("img").nth(2).scroll_into_view_if_needed()
    _shot(page, "mlflow-pictures")
    page.get_by_text("mistakes.html", exact=True).first.dispatch_event("click")
    headings = {page.frame_locator("iframe").nth(each).locator("h1").inner_text() for each in range(3)}
    assert headings == {f"Where {run.data.tags['assay.model']} fails" for run in runs}


def test_the_page_of_mistakes_shows_its_pictures_inside_mlflow(tracked: Tracked, page: Any) -> None:
    run = next(run for run in tracked.runs("digits") if run.data.tags["assay.model"] == "digits-vit-nano")
    page.goto(
        f"{tracked.url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/mistakes.html"
    )
    inside = page.frame_locator("iframe")
    inside.get_by_text("Most confident mistakes").wait_for()
    (frame,) = (each for each in page.frames if each.url.startswith("blob:"))
    assert len(frame.evaluate(LOADED)) > 10
    wrong, right = inside.locator(".card.wrong"), inside.locator(".card.right")
    assert wrong.first.is_visible()
    assert right.first.is_visible()
    inside.locator("#only-wrong").check()
    assert wrong.first.is_visible()
    assert not right.first.is_visible()
    _shot(page, "mlflow-mistakes")


def test_what_a_dataset_says_runs_no_script_inside_mlflow(tracked: Tracked, page: Any) -> None:
    (run,) = tracked.runs("hostile")
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    for name in ("mistakes.html", "confusion_matrix.html"):
        page.goto(
            f"{tracked.url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/{name}"
        )
        page.frame_locator("iframe").locator("h1").wait_for()
        for frame in page.frames:
            assert frame.evaluate("() => window.hacked") is None
    page.goto(
        f"{tracked.url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/mistakes.html"
    )
    shown = page.frame_locator("iframe").locator("body")
    shown.get_by_text("<script>window.hacked=1</script>", exact=False).first.wait_for()
    assert said == []


def test_generated_pictures_are_in_mlflows_grid(tracked: Tracked, page: Any) -> None:
    (run,) = tracked.runs("prompts")
    order = urllib.parse.quote("attributes.`run_name`")
    page.goto(
        f"{tracked.url}/#/experiments/{run.info.experiment_id}/runs?compareRunsMode=CHART&orderByKey={order}"
    )
    page.get_by_role("button", name="Add chart").first.click()
    page.get_by_role("menuitem", name="Image grid").click()
    dialog = page.get_by_role("dialog").first
    dialog.get_by_role("combobox", name="Images").click()
    page.get_by_role("option", name="generated").click()
    page.wait_for_function(f"() => ({LOADED})().some(each => each.includes('generated'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_of_hostile_texts_does_nothing_and_can_be_read(
    browser: Any, tmp_path: Path, scheme: str
) -> None:
    place = tmp_path / "gallery.html"
    place.write_text(hostile_gallery(), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.goto(place.as_uri())
    page.wait_for_load_state("networkidle")
    for link in page.locator("a").all():
        link.click()
    page.mouse.move(400, 400)
    assert page.evaluate("() => window.hacked") is None
    assert [each for each in asked if not each.startswith(("data:", place.as_uri()))] == []
    ground = _luminance(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert ground > 0.9 if scheme == "light" else ground < 0.1
    for name in ("h1", "p", "th", "td", "del", "ins", ".tag", ".verdict", "small"):
        one = page.locator(name).first
        ink = _luminance(one.evaluate("each => getComputedStyle(each).color"))
        behind = _luminance(one.evaluate(BEHIND))
        ratio = (max(ink, behind) + 0.05) / (min(ink, behind) + 0.05)
        assert ratio >= 4.5, (name, ratio)
    context.close()


BEHIND = """each => {
  for (let node = each; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!colour.startsWith('rgba(0, 0, 0, 0')) return colour;
  }
  return getComputedStyle(document.body).backgroundColor;
}"""
"""The ground that an element's text lies on."""


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour as `rgb(1, 2, 3)`, by WCAG 2."""
    values = np.array([float(each) for each in colour.partition("(")[2].rstrip(")").split(",")[:3]]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
