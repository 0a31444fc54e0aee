"""Driving the command line as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Assay = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def assay(home: Path, demo: Path) -> Assay:
    """Run `assay` with arguments and return what it printed."""

    def run(*arguments: str, timeout: float = 900, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
            "ASSAY_HOME": str(home),
            "ASSAY_DEMO": str(demo),
            "HF_HUB_OFFLINE": "1",
            **more,
        }
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
