"""Every two models of an evaluation, for the pairwise picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks import compare, report, score
from tasks import predict as prediction
from tasks.candidates import decide
from tasks.columns import map_columns
from tasks.compare import Outcome
from tasks.configs import parse
from tasks.evidence.overview import drawn, matrices
from tasks.load import load, open_rows
from tasks.plan import Plan, requests
from tasks.types import task_type


def test_every_two_of_three_models_are_tested_and_drawn(demo: Path) -> None:
    names = ("digits-vit-nano", "digits-vit-small", "digits-resnet")
    evaluation = parse(
        {
            "task": "image-classification",
            "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 100},
            "models": [str(demo / "models" / name) for name in names],
        }
    )
    rows = load(evaluation.dataset, 0)
    mapping = map_columns(task_type(evaluation.task), open_rows(rows).features, {}, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    outcomes = []
    for each in decide(plan):
        stored = prediction.predict(plan, each)
        outcomes.append(Outcome(each, stored, score.score(plan, each, stored), ""))
    pairs = compare.headline_pairs(plan, outcomes)
    assert pairs is not None
    assert set(pairs) == {(0, 1), (0, 2), (1, 2)}
    values = np.array([each.judgement.scores["accuracy"].value for each in outcomes])
    differences, p_values = matrices(3, pairs)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(differences[off], (values[:, None] - values[None, :])[off])
    assert ((p_values > 0) & (p_values <= 1)).all()
    reports = report.reports(plan, outcomes, compare.standings(plan, outcomes))
    whole, partly = dict(drawn(reports, pairs)), dict(drawn(reports))
    assert whole["pairwise.png"] != partly["pairwise.png"]
    assert whole["forest.png"] == partly["forest.png"]
    assert compare.headline_pairs(plan, outcomes[:2]) is None
