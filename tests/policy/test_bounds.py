"""Parameters are held to bounds: whatever is sent is an evaluation, or one sentence on why it is none."""

from __future__ import annotations

import json
import math
import typing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydantic import BaseModel

from flows.evaluation import evaluate
from flows.suite import suite
from tasks import configs, suites
from tasks.errors import UserError
from tasks.policy import rules
from tasks.spec import Evaluation

RIGHT: dict[str, Any] = {
    "task": "text-generation",
    "dataset": {"path": "a/b"},
    "models": [{"name": "c/d"}],
    "metrics": [{"name": "exact_match"}],
}
WILD = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.sampled_from([10**12, -1, 10**400, math.nan, math.inf, -math.inf, 1e308, 0])
    | some.floats()
    | some.text(max_size=20)
    | some.sampled_from(["", "\0", "x" * 200_000, "../" * 50, "~root", "a\nb", "(", "{prompt}", "\ud800"]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.text(max_size=5) | some.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def numbers(model: type[BaseModel], where: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every place of a model that takes a number, as keys from the top."""
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *typing.get_args(field.annotation)]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += numbers(kind, (*where, name))
            elif kind in (int, float):
                found.append((*where, name))
    return found


def placed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return the right evaluation with a value at a place; of lists, in the first entry."""
    whole: dict[str, Any] = json.loads(json.dumps(RIGHT))
    whole["models"][0] |= {"endpoint": "http://host/v1", "price": {"input": 1, "output": 1}}
    inner = whole
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
        inner = inner[0] if isinstance(inner, list) else inner
    inner[path[-1]] = value
    return whole


def refused(given: Any, parse: Any = configs.parse) -> str | None:
    """Return the one sentence that refuses something; anything else that is raised fails the test."""
    try:
        parse(given)
    except UserError as error:
        return str(error)
    return None


NUMBERS = [("models", *path) for path in numbers(configs.parse(RIGHT).models[0].__class__)] + numbers(
    Evaluation
)


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
def test_every_number_has_bounds_that_are_said_in_one_sentence(path: tuple[str, ...]) -> None:
    for wild in (10**5000, -(10**400), math.nan, math.inf, -math.inf, 1e300, "many", [1], {}):
        said = refused(placed(path, wild))
        assert said is not None, (path, wild)
        assert path[-1] in said, said
        assert "\n" not in said
        assert len(said) < 500


def test_the_forms_state_the_bounds() -> None:
    for form in (evaluate.parameters, suite.parameters):
        definitions = form.model_dump()["definitions"]
        assert definitions["Settings"]["properties"]["chunk_rows"]["maximum"] == 1_000_000
        assert definitions["Settings"]["properties"]["chunk_rows"]["exclusiveMinimum"] == 0
        assert definitions["Model"]["properties"]["name"]["maxLength"] == 4_096
        without = [
            f"{title}.{name}"
            for title, each in definitions.items()
            for name, field in each.get("properties", {}).items()
            for kind in (field, *field.get("anyOf", []))
            if kind.get("type") in {"integer", "number"}
            and not (
                {"maximum", "exclusiveMaximum"} & set(kind) and {"minimum", "exclusiveMinimum"} & set(kind)
            )
        ]
        assert not without


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"chunk_rows": 10**12}}, ["settings.chunk_rows", "1000000"]),
        ({"settings": {"resamples": -1}}, ["settings.resamples", "greater than or equal to 0"]),
        ({"settings": {"generation": {"temperature": math.nan}}}, ["temperature"]),
        ({"models": ["a"] * 1000}, ["models", "200"]),
        ({"models": ["x" * 5000]}, ["models", "4096"]),
        ({"models": ["a/" + "x" * 300]}, ["at most 255 bytes"]),
        ({"models": ["a\0b"]}, ["control character"]),
        ({"dataset": {"path": "~root/x"}}, ["home folder"]),
        ({"dataset": {"path": "a/b", "revision": "../../etc"}}, ["dataset.revision", "no branch"]),
        ({"dataset": {"path": "a/b", "filters": {"x": {"min": math.nan}}}}, ["filters", "no number"]),
        ({"metrics": [{"name": "f1", "arguments": {"x": [[[[[[[[[[[[1]]]]]]]]]]]]}}]}, ["deep"]),
        ({"columns": {str(number): "a" for number in range(2000)}}, ["columns", "1000"]),
        ({"settings": {"generation": {"stop": ["a"] * 100}}}, ["stop", "64"]),
    ],
)
def test_what_is_out_of_bounds_is_one_sentence(change: dict[str, Any], words: list[str]) -> None:
    said = refused({**RIGHT, **change})
    assert said is not None
    assert all(word in said for word in words), said
    assert "\n" not in said
    assert len(said) < 500


def test_plain_data_that_is_very_deep_is_one_sentence() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for change in (
        {"metrics": [{"name": "f1", "x": deep}]},
        {"dataset": {"path": "a", "filters": {"x": deep}}},
    ):
        said = refused({**RIGHT, **change})
        assert said is not None
        assert len(said) < 500


PLACES = [
    *NUMBERS,
    ("task",),
    ("dataset",),
    ("models",),
    ("metrics",),
    ("columns",),
    ("settings",),
    *(("dataset", name) for name in ("path", "config", "split", "revision", "filters", "streaming")),
    *(("models", name) for name in ("name", "labels", "endpoint", "api_key_env", "price", "predictions")),
    *(("metrics", name) for name in ("name", "arguments")),
    *(("settings", name) for name in ("dtype", "device", "ray", "experiment", "generation", "groups")),
    ("unknown",),
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=some.sampled_from(PLACES), value=WILD)
def test_whatever_is_sent_is_an_evaluation_or_one_sentence(path: tuple[str, ...], value: Any) -> None:
    whole = placed(path, value)
    for said in (
        refused(whole),
        refused({"name": "s", "evaluations": [whole]}, suites.parse),
        refused({"limits": {"rows": value}, "paths": value}, rules.parse),
    ):
        assert said is None or ("\n" not in said and len(said) < 1000), said


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=WILD)
def test_whatever_is_sent_whole_is_one_sentence(value: Any) -> None:
    for parse in (configs.parse, suites.parse, rules.parse):
        said = refused(value, parse)
        assert said is None or ("\n" not in said and len(said) < 1000), said
