"""Several processes predict what one does, and what a dying one had in hand is predicted again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks import candidates, load, predict
from tasks.candidates import Candidate
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.errors import AssayError
from tasks.fleet import workers
from tasks.plan import Plan, requests
from tasks.types import task_type

pytestmark = pytest.mark.slow


def planned(demo: Path, **settings: Any) -> tuple[Plan, Candidate]:
    evaluation = parse(
        {
            "task": "text-classification",
            "dataset": {"path": str(demo / "data" / "messages"), "split": "test"},
            "columns": {"label": "topic", "text": "text"},
            "models": [str(demo / "models" / "messages-topic-small")],
            "settings": {"chunk_rows": 20, **settings},
        }
    )
    rows = load.load(evaluation.dataset, 0)
    kind = task_type(evaluation.task)
    mapping = map_columns(kind, load.open_rows(rows).features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    return plan, candidates.decide(plan)[0]


def labels(demo: Path, **settings: Any) -> tuple[list[str], predict.PredictionsReference]:
    stored = predict.predict(*planned(demo, **settings))
    return stored.table()["label"].to_pylist(), stored


def test_two_workers_predict_what_one_process_does(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _ = labels(demo)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "other"))
    told: list[int] = []
    plan, candidate = planned(demo, workers=2)
    stored = predict.predict(plan, candidate, told.append)
    assert stored.table()["label"].to_pylist() == alone
    assert sum(told) == plan.rows.rows == stored.tally.rows
    assert stored.tally.load_seconds > 0
    again, reused = labels(demo, workers=2)
    assert (again, reused.tally.reused) == (alone, len(alone))


def test_a_killed_workers_chunks_are_predicted_by_another(demo: Path) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            there = multiprocessing.active_children()
            if len(there) == 2 and there[0].pid:
                time.sleep(1.0)
                os.kill(there[0].pid, signal.SIGKILL)
                killed.append(there[0].pid)
            time.sleep(0.05)

    thread = threading.Thread(target=kill_one)
    thread.start()
    found, stored = labels(demo, workers=2)
    thread.join()
    assert killed
    assert len(found) == stored.rows
    assert None not in found


def test_workers_that_always_die_are_one_sentence(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, candidate = planned(demo, workers=2)
    # Python ends at once where its start-up file does; the workers are the only ones started from here on.
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(workers.WorkersLost, match=r"died 3 times over, .* fewer workers"):
        predict.predict(plan, candidate)


def test_what_a_worker_raises_is_raised_here(demo: Path, tmp_path: Path) -> None:
    plan, candidate = planned(demo, workers=2)
    gone = replace(candidate, checkpoint=replace(candidate.checkpoint, place=str(tmp_path / "gone")))
    with pytest.raises(AssayError, match="gone"):
        predict.predict(plan, gone)
