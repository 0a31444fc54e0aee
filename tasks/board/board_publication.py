"""The leaderboard kept in MLflow: one run that is written anew, so that its address stays."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tasks.board import board_exports, board_page
from tasks.board.leaderboard import Place, chosen
from tasks.tracking import delivery, records
from tasks.tracking.mlflow_store import TAG, client

EXPERIMENT = "leaderboard"


def publish(every: Sequence[Place], mlflow: str = "") -> str:
    """Write the page and its tables into the leaderboard's run, and return the page's address.

    Args:
        every: Places by every score.
        mlflow: The address of MLflow's pages; empty where they are on no server.
    """
    places = chosen(every, None)
    texts = {
        "leaderboard.html": board_page.page(every, mlflow),
        "leaderboard.csv": board_exports.as_csv(places),
        "leaderboard.md": board_exports.as_markdown(places),
        "leaderboard.tex": board_exports.as_latex(places),
    }
    folder = Path(tempfile.mkdtemp())
    try:
        artifacts = records.ArtifactFolder(folder / "made")
        for name, text in texts.items():
            artifacts.log_text("", text, name)
        record = records.Record(
            key=EXPERIMENT,
            experiment=EXPERIMENT,
            name=EXPERIMENT,
            tags={f"{TAG}.kind": EXPERIMENT, "mlflow.source.name": "assay"},
            started=int(time.time() * 1000),
        )
        records.put(folder / "record", record, artifacts.folder)
        records.write(folder / "record", records.AFTER, {"status": "FINISHED"})
        run_id = delivery.deliver(client(), folder / "record")
        sent = records.read(folder / "record", records.SENT) or {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{mlflow}/#/experiments/{sent['experiment_id']}/runs/{run_id}/artifacts/leaderboard.html"
