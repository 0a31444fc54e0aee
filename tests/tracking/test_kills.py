"""An evaluation killed anywhere in its tracking, started again, leaves what an undisturbed one leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_killed_anywhere_and_resumed_leaves_one_finished_run_a_model_with_the_same_content(
    demo: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking.killing", str(tmp_path), str(demo)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    whole, points = found["whole"], found["points"]
    assert [run["status"] for run in whole["runs"]] == ["FINISHED"] * 3
    assert [run["below"] is None for run in whole["runs"]].count(True) == 1
    assert all(len(values) == 1 for run in whole["runs"] for values in run["metrics"].values())
    assert len(whole["models"]) == 2
    assert whole["models"][0]["metrics"]
    assert whole["outbox"] == []
    assert len(points) >= 10
    for point in points.values():
        where = f"killed after {point['after']}"
        assert (point["died"], point["resumed"]) == (9, 0), where
        assert point["content"] == whole, where
