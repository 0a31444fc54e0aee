"""The installation that is disturbed: `assay up` on a PostgreSQL of its own, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psutil

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

LONGEST = 3600.0
"""Seconds that a run may take with all that is done to it, on a machine that is busy besides."""


@dataclass(frozen=True)
class Place:
    """A running installation.

    Attributes:
        home: Its data folder, this process's `ASSAY_HOME` too.
        prefect: The address of Prefect's pages.
        mlflow: Of MLflow's.
    """

    home: Path
    prefect: str
    mlflow: str

    def client(self) -> SyncPrefectClient:
        from prefect.client.orchestration import SyncPrefectClient

        return SyncPrefectClient(f"{self.prefect}/api")

    def start(self, deployment: str, parameters: dict[str, Any]) -> UUID:
        """Queue a run; return its id."""
        with self.client() as client:
            identity = client.read_deployment_by_name(deployment).id
            return client.create_flow_run_from_deployment(identity, parameters=parameters).id

    def look(self, run: UUID) -> FlowRun | None:
        """Return a run as the server has it; None where the server does not answer."""
        with suppress(httpx.HTTPError, OSError, RuntimeError), self.client() as client:
            return client.read_flow_run(run)
        return None

    def ended(self, run: UUID, longest: float = LONGEST) -> FlowRun:
        """Wait until a run has ended for good: a crashed one goes on."""
        deadline = time.monotonic() + longest
        found = None
        while time.monotonic() < deadline:
            found = self.look(run) or found
            state = found.state if found is not None else None
            if found is not None and state is not None and state.is_final() and not state.is_crashed():
                return found
            time.sleep(1)
        raise AssertionError(f"The run has not ended in {longest:.0f} s. {self.seen(run)}")

    def running(self, run: UUID, longest: float = LONGEST) -> None:
        """Wait until a run has begun."""
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline:
            found = self.look(run)
            if found is not None and found.state is not None and found.state.is_running():
                return
            time.sleep(0.5)
        raise AssertionError(f"The run has not begun in {longest:.0f} s. {self.seen(run)}")

    def history(self, run: UUID) -> list[str]:
        """Return the states a run has been in, in order."""
        with self.client() as client:
            answer = client.request("GET", "/flow_run_states/", params={"flow_run_id": str(run)}).json()
        ordered = sorted(answer, key=lambda state: str(state["timestamp"]))
        return [
            f"{state['name']} ({state['message']})" if state["message"] else state["name"]
            for state in ordered
        ]

    def seen(self, run: UUID) -> str:
        """Return what there is to see of a run that did not do what it should."""
        lines = []
        with suppress(Exception):
            lines = [f"Its states were: {', '.join(self.history(run))}."]
        for log in sorted((self.home / "logs").glob("*.log")):
            lines.append(f"{log.name} ends:\n{log.read_text(encoding='utf-8', errors='replace')[-1500:]}")
        return "\n".join(lines)

    def errors(self, *words: str) -> dict[str, int]:
        """Return how many lines of the logs hold any of some words, by log."""
        found = {}
        for log in sorted((self.home / "logs").glob("*.log*")):
            lines = log.read_text(encoding="utf-8", errors="replace").casefold().splitlines()
            if count := sum(any(word in line for word in words) for line in lines):
                found[log.name] = count
        return found

    def forget_predictions(self) -> None:
        """Throw the chunks away, so that everything is predicted again."""
        shutil.rmtree(self.home / "chunks", ignore_errors=True)

    def left_in_outbox(self) -> list[str]:
        """Return the attempts that the outbox still holds, and what a killed process was writing."""
        box = self.home / "outbox"
        return sorted(each.name for each in box.iterdir() if each.name[0] != ".") if box.exists() else []


def say(line: str) -> None:
    """Print a line with the time of day."""
    print(f"{datetime.now():%H:%M:%S} {line}", flush=True)


def pids() -> dict[str, int]:
    """Return the processes of the installation's parts."""
    from flows.installation import control

    return control.pids()


def all_of(worker: str) -> list[psutil.Process]:
    """Return the processes that a worker started, and theirs."""
    from flows.installation import processes

    own = pids().get(worker)
    return [each for each in processes.of_installation(worker) if each.pid != own]


def runs_of(worker: str) -> list[psutil.Process]:
    """Return the processes of the runs that a worker has at work, which are more than a nursery at rest."""
    there = [each for each in all_of(worker) if each.is_running()]
    nurseries = {each.pid for each in there if _command(each)[-2:-1] == ["flows.nursery.service"]}
    # What a nursery forks looks like it.
    return [each for each in there if each.pid not in nurseries or _parent(each) in nurseries]


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.ppid()
    return 0


@contextmanager
def installed(folder: Path, demo: Path, workers: int = 2, limit: int = 2) -> Iterator[Place]:
    """Start an installation in a folder, and stop it in the end.

    Args:
        folder: Where its data folder is made.
        demo: The demo's models and data: its policy lets them be used.
        workers: How many workers it has.
        limit: Runs that each takes at a time.
    """
    os.environ |= {"ASSAY_HOME": str(folder / "assay"), "ASSAY_DEMO": str(demo)}
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from flows import environment
    from flows.installation import control
    from flows.installation.plan import Wishes
    from flows.serving.companion import free_port

    environment.prepare()
    wishes = Wishes(prefect_port=free_port(), mlflow_port=free_port(), workers=workers, limit=limit)
    try:
        control.start(wishes)
        known = control.addresses()
        os.environ["PREFECT_API_URL"] = f"{known['prefect']}/api"
        os.environ["MLFLOW_TRACKING_URI"] = known["mlflow"]
        yield Place(folder / "assay", known["prefect"], known["mlflow"])
    finally:
        control.stop()
