"""Where Assay keeps its data: one folder, `ASSAY_HOME`, by default `.assay` in the current folder."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the data folder, made when it is not there."""
    folder = Path(os.environ.get("ASSAY_HOME") or ".assay").expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def chunk_store() -> str:
    """Return the chunk store's fsspec URL: `ASSAY_CHUNKS`, else a folder in the data folder."""
    return os.environ.get("ASSAY_CHUNKS") or str(home() / "chunks")


def tracking_uri() -> str:
    """Return MLflow's address: `MLFLOW_TRACKING_URI`, else an SQLite file in the data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def artifact_folder() -> Path:
    """Return the folder of MLflow's artifacts for the SQLite store."""
    return home() / "mlflow-artifacts"
