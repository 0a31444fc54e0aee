"""The leaderboard kept in MLflow, and the runs it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.board import board_publication, leaderboard
from tasks.errors import BadEvaluation
from tasks.tracking import ledger, mlflow_store, patience
from tests.board.test_leaderboard import entry
from tests.tracking.material import judged, searched


def test_published_twice_is_one_run_with_the_newest_page() -> None:
    for value in (0.5, 0.9):
        address = board_publication.publish(leaderboard.places([entry("good", value)]), "http://mlflow:5000")
    store = mlflow_store.client()
    (experiment,) = [each for each in store.search_experiments() if each.name == "leaderboard"]
    (run,) = store.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert address == (
        f"http://mlflow:5000/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
        "/artifacts/leaderboard.html"
    )
    page = Path(store.download_artifacts(run.info.run_id, "leaderboard.html")).read_text(encoding="utf-8")
    assert "0.9," in page
    assert "0.5," not in page
    assert {file.path for file in store.list_artifacts(run.info.run_id)} == {
        *("leaderboard.html", "leaderboard.csv", "leaderboard.md", "leaderboard.tex")
    }


def test_the_ledger_reads_tables_as_mlflow_itself_does(demo: Path) -> None:
    judged(demo).track()
    store = mlflow_store.client()
    by_tables = {each.run_id: each for each in ledger.entries()}
    assert len(by_tables) == 2
    assert by_tables == searched(store)
    store.delete_run(next(iter(by_tables)))
    assert len(ledger.entries()) == 1


def test_patience_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(patience.VARIABLE, "long")
    with pytest.raises(BadEvaluation, match="ASSAY_TRACKING_PATIENCE is 'long', and must be a number"):
        patience.seconds()
