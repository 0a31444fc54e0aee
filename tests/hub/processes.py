"""Commands run as a user runs them, with the Hub a local one and every cache empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.hub.server import Hub

ROOT = Path(__file__).resolve().parents[2]


def environment(hub: Hub, home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which the Hub is the local one and every cache is empty."""
    dropped = ("PREFECT", "HF_", "ASSAY", "MLFLOW")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "ASSAY_HOME": str(home / "assay"),
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def python(arguments: list[str], given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def assay(given: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return python(["-m", "flows.cli", *arguments], given)
