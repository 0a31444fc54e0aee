"""Metrics of an evaluation, checked before anything is loaded."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import BadEvaluation, NotFound, Refused
from tasks.metrics import METRICS
from tasks.plan import requests
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings


def evaluation(metric: Any, **settings: Any) -> Evaluation:
    return Evaluation(
        task="automatic-speech-recognition",
        dataset=Dataset(path="talks.csv"),
        models=[Model(name="listener")],
        metrics=[Metric.model_validate(metric)],
        settings=Settings(**settings),
    )


def test_the_model_that_a_metric_looks_through_has_to_be_there(tmp_path: Path) -> None:
    wanted = {"name": "bertscore", "encoder": str(tmp_path / "encoder")}
    with pytest.raises(NotFound, match="There is no model folder"):
        requests(evaluation(wanted))
    with pytest.raises(BadEvaluation, match="The metric 'bertscore' needs the argument 'encoder'"):
        requests(evaluation("bertscore"))


def test_code_from_elsewhere_runs_only_if_the_settings_say_so(tmp_path: Path) -> None:
    wanted = {"name": "evaluate", "module": str(tmp_path / "mine"), "allow_remote_code": True}
    with pytest.raises(Refused, match="set allow_remote_code: true"):
        requests(evaluation(wanted))
    with pytest.raises(NotFound, match="There is no metric module"):
        requests(evaluation(wanted, allow_remote_code=True))


@pytest.mark.parametrize("name", METRICS)
def test_a_metrics_arguments_have_types_that_can_be_read(name: str) -> None:
    hints = typing.get_type_hints(METRICS[name].measure)
    assert set(METRICS[name].arguments) <= set(hints)
