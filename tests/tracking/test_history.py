"""Histories in MLflow: one point an evaluation, however often it is added, and known on another machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.tracking import history, mlflow_store

TAGS = {"task": "t", "dataset": "d", "split": "test", "model": "acme/bert"}


def made() -> str:
    store = mlflow_store.client()
    return str(store.create_run(mlflow_store.experiment(store, "d")).info.run_id)


def points(run_id: str) -> list[tuple[int, float]]:
    found = mlflow_store.client().get_metric_history(run_id, "accuracy")
    return sorted((each.step, each.value) for each in found)


def test_adding_the_same_again_adds_nothing(home: Path) -> None:
    assert history.last("a") is None
    first, second = made(), made()
    run = history.add("a", {"model": "1"}, first, TAGS, {"accuracy": 0.5, "f1": float("nan")})
    assert history.add("a", {"model": "1"}, first, TAGS, {"accuracy": 0.5}) == run
    assert points(run) == [(0, 0.5)]
    assert history.add("a", {"model": "2"}, second, TAGS, {"accuracy": 0.25}) == run
    assert history.add("a", {"model": "2"}, second, TAGS, {"accuracy": 0.25}) == run
    assert points(run) == [(0, 0.5), (1, 0.25)]
    other = history.add("b", {"model": "1"}, first, TAGS, {"accuracy": 0.75})
    assert other != run
    here = history.last("a")
    shutil.rmtree(home / "history")
    there = history.last("a")
    assert here == there
    assert there is not None
    assert (there.step, there.run_id, there.state) == (1, second, {"model": "2"})
    kept = mlflow_store.client().get_run(run)
    assert kept.info.status == "FINISHED"
    assert kept.data.tags["assay.kind"] == "history"
    assert second in kept.data.tags["mlflow.note.content"]


def test_an_entry_that_was_cut_short_is_not_the_last_until_it_is_finished(home: Path) -> None:
    first, second = made(), made()
    run = history.add("a", {"model": "1"}, first, TAGS, {"accuracy": 0.5})
    store = mlflow_store.client()
    # As if the process had died after it said that it adds an entry, before it had.
    history.add("a", {"model": "2"}, second, TAGS, {})
    store.set_tag(run, "assay.entries", "1")
    shutil.rmtree(home / "history")
    last = history.last("a")
    assert last is not None
    assert last.run_id == first
    history.add("a", {"model": "2"}, second, TAGS, {"accuracy": 0.25})
    assert points(run) == [(0, 0.5), (1, 0.25)]
