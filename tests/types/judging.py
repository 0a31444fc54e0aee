"""An evaluation of one model, step by step, without servers; and a data set to evaluate it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets

from tasks import candidates, load, predict, score
from tasks.candidates import Candidate
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.plan import Plan, requests
from tasks.score import Judgement
from tasks.tracking import artifacts
from tasks.types import task_type
from tests.looks import looked


def planned(given: dict[str, Any]) -> tuple[Plan, Candidate]:
    """Decide everything about an evaluation of one model."""
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, 0)
    features = load.open_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    return plan, candidate


def judged(given: dict[str, Any]) -> tuple[Judgement, list[dict[str, Any]]]:
    """Evaluate the one model of an evaluation without Prefect or MLflow; no row may fail.

    What a run would keep to look at is made too: a row of it for each row predicted.
    """
    plan, candidate = planned(given)
    stored = predict.predict(plan, candidate)
    table = stored.table()
    rows = table.to_pylist()
    assert [row["error"] for row in rows] == [None] * len(rows)
    shown = artifacts.sample_table(plan, candidate, table)
    assert {len(values) for values in shown.values()} == {min(len(rows), len(shown["row"]))}
    assert artifacts.with_references(plan, table).num_rows == len(rows)
    judgement = score.score(plan, candidate, stored)
    assert "mistakes.html" in looked(plan, candidate, stored, judgement)
    return judgement, rows


def samples(given: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the sample table of an evaluation of one model."""
    plan, candidate = planned(given)
    return artifacts.sample_table(plan, candidate, predict.predict(plan, candidate).table())


def saved(folder: Path, columns: dict[str, list[Any]], **features: Any) -> str:
    """Save a data set, given features of some columns, and return its folder."""
    data = datasets.Dataset.from_dict(columns)
    for name, feature in features.items():
        data = data.cast_column(name, feature)
    data.save_to_disk(folder)
    return str(folder)
