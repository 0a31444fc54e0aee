"""A suite while processes are killed, and evaluations at once: a small dose of what `make chaos` gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_suite_survives_kills_and_many_evaluations_at_once_all_finish(demo: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
    dose = ["--seeds", "1", "--evaluations", "5", "--faults", "4", "--load", "8", "--demo", str(demo)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *dose],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=3500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "1 of 1 seeds passed" in done.stdout
    assert "none lost, none twice" in done.stdout
