"""Evaluations tracked in a real MLflow store, step by step, without a Prefect server."""

from __future__ import annotations

from typing import Any

from tasks import candidates, compare, load, predict, report, score, track
from tasks.columns import map_columns
from tasks.compare import Outcome
from tasks.configs import parse
from tasks.load import head_rows, narrowed
from tasks.plan import Plan, requests
from tasks.types import task_type


def tracked(given: dict[str, Any]) -> list[str]:
    """Evaluate and return the MLflow run of each model, in order."""
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, evaluation.settings.seed)
    mapping = map_columns(task_type(evaluation.task), head_rows(rows).features, evaluation.columns, rows.name)
    plan = Plan(evaluation, narrowed(rows, mapping.columns), mapping, requests(evaluation))
    found = candidates.decide(plan)
    parent = track.begin(plan, found, {})
    outcomes = []
    for each in found:
        predictions = predict.predict(plan, each)
        candidate = candidates.realigned(plan, each)
        judgement = score.score(plan, candidate, predictions)
        run_id = track.record(parent, plan, candidate, predictions, judgement, {})
        outcomes.append(Outcome(candidate, predictions, judgement, run_id))
    reports = report.reports(plan, outcomes, compare.standings(plan, outcomes))
    track.describe(parent, reports)
    track.end(parent, "FINISHED")
    return [each.mlflow_run_id for each in reports]
