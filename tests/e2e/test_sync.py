"""`assay sync`: results that wait on this disk, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Assay


@pytest.mark.slow
def test_results_for_a_server_that_is_down_are_kept_and_sent_by_sync(
    assay: Assay, demo: Path, home: Path
) -> None:
    flags = [
        *("--task", "image-classification", "--dataset", str(demo / "data" / "digits"), "--split", "test"),
        *("--limit", "50", "--model", str(demo / "models" / "digits-resnet")),
    ]
    down = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "ASSAY_TRACKING_PATIENCE": "0"}
    done = assay("run", *flags, "--json", **down)
    assert done.returncode == 0, done.stderr
    assert "`assay sync` sends them" in done.stderr
    assert json.loads(done.stdout)["runs"][0]["scores"]["accuracy"]["value"] > 0.9
    said = assay("sync")
    assert "2 wait for MLflow at http://127.0.0.1:9" in said.stdout
    wrong = assay("sync", "--moved-from", "http://127.0.0.1:8")
    assert wrong.returncode == 2
    assert "Did you mean 'http://127.0.0.1:9'" in wrong.stderr
    moved = assay("sync", "--moved-from", "http://127.0.0.1:9")
    assert "2 runs were sent" in moved.stdout, moved.stderr
    places = json.loads(assay("leaderboard", "--json").stdout)["places"]
    assert [place["model"] for place in places] == ["digits-resnet"]
