"""The forms that Prefect's pages show."""

from __future__ import annotations

import pytest

from flows.evaluation import evaluate
from flows.reevaluation import reevaluate
from flows.suite import suite
from tasks import catalogue
from tasks.errors import AssayError
from tasks.metrics import METRICS


def test_optional_fields_are_plain_and_the_needed_ones_few() -> None:
    made = evaluate.parameters.model_dump()
    assert made["required"] == ["task", "dataset", "models"]
    order = sorted(made["properties"], key=lambda name: made["properties"][name]["position"])
    assert order == ["task", "dataset", "models", "metrics", "columns", "settings"]
    dataset = made["definitions"]["Dataset"]
    assert dataset["required"] == ["path"]
    assert dataset["properties"]["split"]["type"] == "string"
    assert "default" not in dataset["properties"]["split"]
    assert dataset["additionalProperties"] is False


def test_every_form_has_titles_order_and_help() -> None:
    for flow in (evaluate, suite, reevaluate):
        fields = flow.parameters.model_dump()["properties"]
        places = [field["position"] for field in fields.values()]
        assert len(set(places)) == len(places)
        for name, field in fields.items():
            # What is a model of its own has its help there.
            assert field.get("description") or "$ref" in field or "anyOf" in field, name
    assert set(reevaluate.parameters.properties) - set(evaluate.parameters.properties) == {"margin", "alpha"}


def test_every_metric_can_be_chosen_from_a_list() -> None:
    assert sorted(METRICS) == sorted(catalogue.METRICS)
    for flow in (evaluate, suite, reevaluate):
        name = flow.parameters.model_dump()["definitions"]["Metric"]["properties"]["name"]
        assert set(name["enum"]) >= set(METRICS)


@pytest.mark.usefixtures("prefect_server")
def test_a_state_says_what_is_wrong_and_nothing_before_it() -> None:
    given = {"task": "text-clasification", "dataset": {"path": "a/b"}, "models": ["c/d"]}
    state = evaluate(**given, return_state=True)
    assert state.is_failed()
    assert state.message.startswith("There is no task type 'text-clasification'")
    assert "Did you mean 'text-classification'" in state.message
    with pytest.raises(AssayError, match="Did you mean 'text-classification'"):
        evaluate(**given)
    state = evaluate("text-classification", {"pth": "a/b"}, ["c/d"], return_state=True)
    assert "There is no key in dataset 'pth'" in state.message
    state = suite("none", [{"config": "sst3"}], return_state=True)
    assert "'sst3'" in state.message
    assert "encountered" not in state.message
