"""A team's installation for a test: what `assay up` starts, on a data folder and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.client.schemas.objects import FlowRun

from flows.serving.companion import free_port
from tests.e2e.installation import Installation, deployment_id, done

T = TypeVar("T")


def until(found: Callable[[], T | None], seen: Callable[[], object], seconds: float = 600) -> T:
    """Ask again until there is an answer; say what there is to see when the wait is given up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # The servers asked are among those that are killed.
        with suppress(httpx.TransportError, httpx.HTTPStatusError):
            if answer := found():
                return answer
        time.sleep(0.3)
    raise AssertionError(f"Nothing came in {seconds:.0f} s.\n{seen()}")


class Team:
    """What `assay up` started.

    Attributes:
        commands: Runs `assay …` in its environment, and knows its addresses.
        home: Its data folder.
    """

    def __init__(self, home: Path, demo: Path, *more: str) -> None:
        self.commands = Installation(home, demo)
        self.home = home
        ports = free_port(), free_port()
        self.commands.prefect, self.commands.mlflow = (f"http://127.0.0.1:{port}" for port in ports)
        self._up = ("up", "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1]), *more)

    def up(self, *more: str, code: int = 0) -> str:
        return self.commands.assay(*self._up, *more, code=code)

    def move(self, home: Path) -> None:
        """Have it at another place from now on."""
        self.home = home
        self.commands.environment["ASSAY_HOME"] = str(home)

    def down(self) -> str:
        return self.commands.assay("down")

    def written(self) -> dict[str, Any]:
        """What the supervisor wrote last."""
        try:
            return dict(json.loads((self.home / "installation" / "processes.json").read_text()))
        except FileNotFoundError:
            return {}

    def pids(self) -> dict[str, int]:
        written = self.written()
        parts = {name: part["pid"] for name, part in written.get("parts", {}).items() if part["pid"]}
        return {**parts, "supervisor": written["supervisor"]} if parts else {}

    def kill(self, part: str) -> None:
        """Kill a part's process and wait until another has taken its place."""
        killed = self.pids()[part]
        os.kill(killed, signal.SIGKILL)
        until(lambda: self.pids().get(part, killed) != killed or None, self.told)

    def works(self) -> bool:
        parts = self.written().get("parts", {})
        return bool(parts) and all(part["works"] for part in parts.values())

    def told(self) -> str:
        """What to say when a wait gives up: the supervisor's last lines, and how each part is."""
        log = self.home / "logs" / "supervisor.log"
        lines = log.read_text().splitlines()[-15:] if log.exists() else ["no log"]
        return "\n".join([*lines, json.dumps(self.written())])

    def submit(self, parameters: dict[str, Any]) -> FlowRun:
        until(lambda: self.works() or None, self.told)
        with self.commands.client() as client:
            identity = deployment_id(client, "evaluate/evaluate")
            return client.create_flow_run_from_deployment(identity, parameters=parameters)

    def read(self, run: FlowRun) -> FlowRun:
        def found() -> FlowRun:
            with self.commands.client() as client:
                return client.read_flow_run(run.id)

        return until(found, self.told)

    def ended(self, run: FlowRun) -> FlowRun:
        """Wait until a run has ended."""
        return until(lambda: done(self.read(run)), lambda: f"{self.read(run).state}\n{self.told()}")
