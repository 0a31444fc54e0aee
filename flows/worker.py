"""The worker: takes runs from the queue, and runs each in a process of its own."""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

from flows import environment, lost_runs
from tasks import home

LIMIT = 2
"""Runs at a time."""


def work(limit: int, name: str | None = None) -> NoReturn:
    """Become a Prefect worker.

    Args:
        limit: Runs at a time.
        name: What the pages call it; left out, host and process.
    """
    from flows.deployments import POOL

    defaults = {
        # Runs work in folders of their own: what is relative here would be elsewhere there.
        "ASSAY_HOME": str(home.home()),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(lost_runs.BEAT),
    }
    for key, value in defaults.items():
        os.environ.setdefault(key, value)
    called = name or f"{socket.gethostname()} {os.getpid()}"
    command = ["worker", "start", "--pool", POOL, "--type", "process", "--name", called]
    if "PREFECT_WORKER_WEBSERVER_PORT" in os.environ:
        # Somebody means to ask it how it is, as probes of containers do.
        command.append("--with-healthcheck")
    os.execv(sys.executable, [sys.executable, "-m", "prefect", *command, "--limit", str(limit)])


def main() -> None:
    """Deploy what configs/schedules.yaml says, then work."""
    from pathlib import Path

    from flows import deployments
    from tasks.events import schedules

    environment.prepare(quiet=False)
    deployments.deploy(schedules.read(schedules.SHIPPED), Path.cwd())
    work(LIMIT)


if __name__ == "__main__":
    main()
