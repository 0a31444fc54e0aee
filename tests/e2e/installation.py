"""Servers for a test: Prefect's, MLflow's and a worker, on a data folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.serving.companion import free_port
from tests.e2e.conftest import ROOT

T = TypeVar("T")


class Installation:
    """What `assay ui` runs, and commands that use it."""

    def __init__(self, home: Path, demo: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        self.environment = {
            **kept,
            "ASSAY_HOME": str(home),
            "ASSAY_DEMO": str(demo),
            # What a test makes for itself lies beside the data folder, and may be evaluated.
            "ASSAY_DATA": str(home.parents[1]),
            "HF_HUB_OFFLINE": "1",
        }
        ports = free_port(), free_port()
        self.prefect, self.mlflow = (f"http://127.0.0.1:{port}" for port in ports)
        self.start = ("ui", "--detach", "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1]))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flows.cli", *arguments]

    def assay(self, *arguments: str, code: int = 0, **more: str) -> str:
        """Run a command; return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def client(self) -> SyncPrefectClient:
        return SyncPrefectClient(f"{self.prefect}/api")

    def seen(self) -> str:
        """Return what there is to see of it: its latest runs with their states, and how its logs end."""
        with self.client() as client:
            latest = client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=10)
        runs = [f"{each.name}: {each.state_name}, begun {each.run_count} times" for each in latest]
        logs = [
            f"{log.name} ends:\n{log.read_text(encoding='utf-8', errors='replace')[-1500:]}"
            for log in sorted((Path(self.environment["ASSAY_HOME"]) / "logs").glob("*.log"))
        ]
        return "\n".join(["Its latest runs are:", *(runs or ["none"]), *logs])


def deployment_id(client: SyncPrefectClient, name: str) -> UUID:
    def found() -> UUID | None:
        try:
            return client.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None

    return until(found)


def done(run: FlowRun) -> FlowRun | None:
    return run if run.state is not None and run.state.is_final() else None


def until(
    found: Callable[[], T | None], seconds: float = 600, *, seen: Callable[[], object] | None = None
) -> T:
    """Ask again until there is an answer.

    Args:
        found: What answers nothing as long as it has to be asked again.
        seconds: How long to ask: far longer than it takes, because the machine may be busy with other things.
        seen: What there is to see, for the message of a wait that is given up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.3)
    raise AssertionError(f"Nothing came in {seconds:.0f} s. {seen() if seen is not None else ''}")
