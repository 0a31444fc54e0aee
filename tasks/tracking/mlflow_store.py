"""The tracking store: MLflow's client, experiments, and runs that a killed process left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import home

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "assay"
"""Prefix of the tags that Assay reads back."""
KEY = f"{TAG}.key"
"""The tag by which a run that is sent twice is found instead of made."""
SUITE_STARTED_BY = f"{TAG}.suite_prefect_run"
"""The tag that names the Prefect run of a suite: the same when it goes on after its process died."""
MODELS = "models"
"""The experiment that is every model's home, so that one page shows a model on all its datasets."""


def client() -> MlflowClient:
    """Return a client of the store that `MLFLOW_TRACKING_URI` names, else of the data folder's."""
    import mlflow

    uri = home.tracking_uri()
    # Waiting for a server is bounded elsewhere; MLflow's own seven retries would make it four minutes a call.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # External models are created through the fluent API, which knows only the global address.
    if mlflow.get_tracking_uri() != uri:
        mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


def experiment(store: MlflowClient, name: str) -> str:
    """Return the id of the experiment of a name, made when it is not there."""
    from mlflow.exceptions import MlflowException

    found = store.get_experiment_by_name(name)
    if found is None:
        local = home.tracking_uri().startswith("sqlite:")
        try:
            # Without its kind, MLflow's pages take an experiment for one of prompts and agents.
            kind = {"mlflow.experimentKind": "custom_model_development"}
            return str(store.create_experiment(name, _artifacts(name) if local else None, tags=kind))
        except MlflowException:
            found = store.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        store.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _artifacts(name: str) -> str:
    folder = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return Path(home.artifact_folder() / folder).as_uri()


def this_process() -> str:
    """Return what tells this process from every other: host, id, and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(process: int) -> str:
    """Return when a process started, in the kernel's own count; empty where that cannot be known."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def is_gone(owner: str) -> bool:
    """Tell whether the process that a run names as its owner has ended; False when it cannot be known.

    >>> is_gone(this_process())
    False
    """
    host, _, rest = owner.partition(":")
    process, _, started = rest.partition(":")
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(started) and _started(int(process)) != started


def bury(store: MlflowClient, experiment_id: str, spared: Collection[str] = ()) -> int:
    """End the runs of an experiment that a killed process left running; return how many there were.

    Args:
        store: MLflow's client.
        experiment_id: Which experiment.
        spared: Keys of runs that will yet be finished from this disk.
    """
    left = store.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000)
    gone = [
        run
        for run in left
        if is_gone(run.data.tags.get(f"{TAG}.process", "")) and run.data.tags.get(KEY) not in spared
    ]
    for run in gone:
        store.set_terminated(run.info.run_id, status="KILLED")
    return len(gone)
