"""The worker: takes runs from the queue, and runs each in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import NoReturn

from flows import environment
from tasks import home

LIMIT = 2
"""Runs at a time."""
POOL = "assay"
"""The work pool that every deployment runs in."""
BEAT = 30
"""Seconds between a run's heartbeats: the least that Prefect takes."""
DEFAULTS = {
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEAT),
    # A server that is away for some minutes, as while it is restarted, ends no run: 2 + 4 + … + 128 s.
    "PREFECT_CLIENT_MAX_RETRIES": "7",
}
"""The environment of a worker and its runs, where the user's says nothing else."""


def command(limit: int, name: str) -> list[str]:
    """Return the command of a Prefect worker that keeps watch over the queue's runs, too.

    Args:
        limit: Runs at a time.
        name: What the pages call it.
    """
    start = ["worker", "start", "--pool", POOL, "--type", "process", "--name", name, "--limit", str(limit)]
    if "PREFECT_WORKER_WEBSERVER_PORT" in os.environ:
        # Somebody means to ask it how it is, as probes of containers do.
        start.append("--with-healthcheck")
    return [sys.executable, "-m", "flows.queue.watch", *start]


def work(limit: int, name: str | None = None) -> NoReturn:
    """Become a Prefect worker.

    Args:
        limit: Runs at a time.
        name: What the pages call it; left out, host and process.
    """
    # Runs work in folders of their own: what is relative here would be elsewhere there.
    for key, value in {"ASSAY_HOME": str(home.home()), **DEFAULTS}.items():
        os.environ.setdefault(key, value)
    # Prefect ends a worker by an interrupt, which what a script starts in the background inherits as ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.executable, command(limit, name or f"{socket.gethostname()} {os.getpid()}"))


def main() -> None:
    """See that the forms are there, then work."""
    from pathlib import Path

    from flows.queue import deployments
    from tasks.events import schedules

    environment.prepare(quiet=False)
    deployments.ensure(schedules.read(schedules.SHIPPED), Path.cwd())
    work(LIMIT)


if __name__ == "__main__":
    main()
