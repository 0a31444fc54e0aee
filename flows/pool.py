"""The queue that workers share, and the worker: each run in a process of its own, in the worker's folder."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import home

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

POOL = "assay"
FOLDER = "ASSAY_FOLDER"
"""Where a worker was started: what relative paths of its runs are relative to."""
COMMAND = "python -m flows.pool"
"""What runs one run; a worker puts its own Python first on the path, so that this names it anywhere."""


def provide_pool(client: SyncPrefectClient) -> list[str]:
    """Make the work pool where it is not there, and return what was changed."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        template["variables"]["properties"]["command"]["default"] = COMMAND
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        return [f"made the work pool {POOL}"]
    return []


def worker_environment() -> dict[str, str]:
    """Return what a worker's processes need to run its runs as this one would."""
    root = str(Path(__file__).resolve().parents[1])
    there = os.environ.get("PYTHONPATH")
    return {
        "ASSAY_HOME": str(home.home()),
        FOLDER: os.getcwd(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join([root, *([there] if there else [])]),
        # The least Prefect takes: a dead run is noticed after three of these.
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "2"),
    }


def work(*, name: str | None = None, limit: int | None = 1) -> None:
    """Take runs from the queue until told to stop.

    Args:
        name: What the worker is called; left out, Prefect names it.
        limit: Most runs at a time; None for no limit.
    """
    # A fresh process: Prefect has read its settings in this one by now.
    os.environ.update(worker_environment())
    os.execv(
        sys.executable,
        [
            *(sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"),
            *(["--name", name] if name else []),
            *(["--limit", str(limit)] if limit else []),
        ],
    )


def main() -> None:
    """Run the one run that Prefect names in the environment, in the worker's folder."""
    os.chdir(os.environ.get(FOLDER, "."))
    runpy.run_module("prefect.engine", run_name="__main__")


if __name__ == "__main__":
    main()
