"""Inputs that are empty, missing, unequal, not finite or of one class: a documented value or one sentence.

Every metric of the table takes part that needs no model; one that is added does so by itself.
"""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.metrics import METRICS, compute
from tasks.metrics.contract import Evidence, Metric

NAN, INFINITE = float("nan"), float("inf")
PICTURE = np.linspace(0, 255, 256 * 256).reshape(256, 256).astype(np.uint8)


def answered(number: int, text: Any) -> dict[str, Any]:
    return {"id": str(number), "prediction_text": text, "no_answer_probability": 0.0}


def asked(number: int, texts: Any) -> dict[str, Any]:
    return {"id": str(number), "answers": {"text": texts, "answer_start": [0] * len(texts or ())}}


def detected(box: Any, score: Any) -> dict[str, Any]:
    return {"boxes": [box], "scores": [score], "labels": ["cat"]}


def there(box: Any) -> dict[str, Any]:
    return {"boxes": [box], "labels": ["cat"]}


BOX = [0.0, 0.0, 4.0, 4.0]
GOOD: dict[Evidence, tuple[list[Any], list[Any]]] = {
    "labels": ([0, 1, 1, 0], [0, 1, 0, 0]),
    "probabilities": ([0.2, 0.7, 0.6, 0.1], [0, 1, 0, 0]),
    "label_sets": ([["a"], ["a", "b"], ["b"], []], [["a"], ["b"], ["b"], ["a"]]),
    "label_scores": ([["a"], ["a", "b"], ["b"], []], [["a"], ["b"], ["b"], ["a"]]),
    "answer_lists": (["a cat", "two", "no", ""], [["cat", "a cat"], ["2"], ["yes", "no"], ["so"]]),
    "depths": (
        [[[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [2.0, 2.0]]],
        [[[1.0, 2.5], [3.0, 4.0]], [[2.0, 1.0], [2.0, 3.0]]],
    ),
    "tags": ([["B-X", "O"], ["O"], ["O"], ["B-Y"]], [["B-X", "O"], ["O"], ["B-X"], ["B-Y"]]),
    "texts": (
        ["a cat sat", "hello there", "no", "one two three"],
        ["a cat sits", "hello there", "yes", "one"],
    ),
    "numbers": ([1.0, 2.0, 4.0, 3.0], [1.0, 2.5, 3.0, 3.5]),
    "rankings": ([["a", "b"], ["b"], ["c", "a"], ["a"]], [["a"], ["a", "b"], ["a"], ["b"]]),
    "answers": (
        [answered(0, "Paris"), answered(1, "in 1990"), answered(2, "x"), answered(3, "a dog")],
        [asked(0, ["Paris"]), asked(1, ["1990", "in 1991"]), asked(2, ["y"]), asked(3, ["dog"])],
    ),
    "edits": (["a cat", "a dog", "so", "it is"], [["a cat"], ["one dog"], ["so it"], ["it was"]]),
    "images": ([PICTURE, PICTURE[::-1]], [PICTURE.T, PICTURE]),
    "maps": ([[[0, 1], [1, 1]], [[0, 0], [1, 0]]], [[[0, 1], [0, 1]], [[0, 0], [1, 1]]]),
    "boxes": ([detected(BOX, 0.9), detected(BOX, 0.2)], [there(BOX), there([1.0, 1.0, 5.0, 5.0])]),
}
NOTHING: dict[Evidence, list[tuple[Any, Any]]] = {
    "labels": [(None, 0), (0, None), (NAN, 0), (0, NAN)],
    "probabilities": [(None, 0), (NAN, 0), (INFINITE, 0), (0.5, None), (0.5, NAN)],
    "label_sets": [(None, ["a"]), (["a"], None), (3.5, ["a"]), ("ab", ["a"])],
    "label_scores": [(None, ["a"]), (["a"], None), (3.5, ["a"])],
    "answer_lists": [(None, ["a"]), ("a", None), ("a", [])],
    "depths": [(None, [[1.0]]), ([[1.0]], None), ([[1.0, 1.0]], [[1.0]])],
    "tags": [(None, ["O"]), (["O"], None), (["O", "O"], ["O"]), ([], ["O"])],
    "texts": [(None, "a"), ("a", None), (NAN, "a"), ("a", 3), (3, "a")],
    "numbers": [
        (None, 1.0),
        (1.0, None),
        (NAN, 1.0),
        (1.0, NAN),
        (INFINITE, 1.0),
        (1.0, -INFINITE),
        ("x", 1),
    ],
    "rankings": [(None, ["a"]), (["a"], None), ({"a": NAN}, ["a"]), (["a", "a"], ["a"]), (["a"], {"a": NAN})],
    "answers": [
        (answered(4, None), asked(4, ["a"])),
        (answered(4, "a"), asked(4, None)),
        (answered(5, "a"), asked(4, ["a"])),
        (None, asked(4, ["a"])),
        (answered(4, "a"), None),
        ({"id": "4"}, asked(4, ["a"])),
    ],
    "edits": [(None, ["a"]), ("a", None), ("a", []), ("a", [None])],
    "images": [(None, PICTURE), (PICTURE, None), (PICTURE, PICTURE[:100]), (PICTURE * NAN, PICTURE)],
    "maps": [(None, [[0]]), ([[0]], None), ([[0, 1]], [[0]]), ([[NAN]], [[0]]), ([[-1]], [[0]])],
    "boxes": [
        (None, there(BOX)),
        (detected(BOX, 0.5), None),
        (detected(BOX, NAN), there(BOX)),
        (detected([0.0, 0.0, NAN, 4.0], 0.5), there(BOX)),
        (detected([0.0, 0.0, 4.0], 0.5), there(BOX)),
        (detected(BOX, 0.5), {"boxes": [BOX]}),
        (detected(BOX, 0.5), {"boxes": [BOX], "labels": []}),
    ],
}
ONE_CLASS: dict[Evidence, tuple[list[Any], list[Any]]] = {
    "labels": ([1, 1, 1], [1, 1, 1]),
    "probabilities": ([0.9, 0.8, 0.7], [1, 1, 1]),
    "label_sets": ([["a"], ["a"]], [["a"], ["a"]]),
    "label_scores": ([["a"], ["a"]], [["a"], ["a"]]),
    "answer_lists": (["", ""], [[""], [""]]),
    "depths": ([[[1.0]], [[1.0]]], [[[1.0]], [[1.0]]]),
    "tags": ([["O"], ["O"]], [["O"], ["O"]]),
    "texts": (["", ""], ["", ""]),
    "numbers": ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
    "rankings": ([[], []], [[], []]),
    "answers": ([answered(0, ""), answered(1, "")], [asked(0, ["the"]), asked(1, ["a"])]),
    "edits": (["", ""], [[""], [""]]),
    "images": ([PICTURE, PICTURE], [PICTURE, PICTURE]),
    "maps": ([[[0, 0]], [[0, 0]]], [[[0, 0]], [[0, 0]]]),
    "boxes": ([{"boxes": [], "scores": [], "labels": []}] * 2, [{"boxes": [], "labels": []}] * 2),
}
UNDEFINED = re.compile(r"undefined|not defined|NaN|infinit|has no value|-1", re.IGNORECASE)


def judged(metric: Metric) -> dict[str, Any]:
    """Return the arguments that the tiny inputs need."""
    needed: dict[str, dict[str, Any]] = {
        "top_k_accuracy": {"k": 1},
        "meteor": {"synonyms": False, "sentences": False},
    }
    return needed.get(metric.name, {})


def takes_part(metric: Metric) -> bool:
    needs_model = metric.check is not None
    return not needs_model and metric.takes in GOOD


TAKING_PART = [name for name, metric in METRICS.items() if takes_part(metric)]


def values(name: str, predictions: Any, references: Any) -> dict[str, Any]:
    more = judged(METRICS[name])
    if name == "sari":
        more = {"sources": ["a big cat"] * len(predictions)}
    if name == "label_ranking_average_precision":
        predictions = [{"a": 0.5, "b": 0.2} if isinstance(row, list | tuple) else row for row in predictions]
        more = {"labels": ["a", "b"]}
    return compute(name, predictions=predictions, references=references, resamples=50, **more)


def refused(name: str, predictions: Any, references: Any) -> dict[str, Any] | None:
    """Return None where the inputs are refused, in one sentence, and else the scores."""
    try:
        return values(name, predictions, references)
    except UserError as error:
        if not re.fullmatch(r"[^\n]+[.?]", str(error)):
            raise AssertionError(f"not one sentence: {error}") from error
        return None


def acceptable(name: str, found: dict[str, Any]) -> None:
    """A value that is not finite must be one that the metric's description speaks of; intervals never are."""
    metric = METRICS[name]
    module = inspect.getmodule(metric.measure)
    said = f"{inspect.getdoc(metric.measure)} {module and module.__doc__}"
    for key, score in found.items():
        if not math.isfinite(score.value):
            assert UNDEFINED.search(said), f"{key} is {score.value}, and {name} does not say when"
        assert score.low is None or (math.isfinite(score.low) and math.isfinite(score.high)), key
        assert score.n > 0


def test_only_metrics_of_models_are_left_out() -> None:
    """Those that need a model, and those of what a language model's own task types give, never a person."""
    assert {name for name in METRICS if name not in TAKING_PART} == {
        "choice_accuracy",
        "model_perplexity",
        "perceptual_distance",
        "frechet_distance",
        "kernel_distance",
        "clip_score",
        "bertscore",
        "perplexity",
        "evaluate",
    }


@pytest.mark.parametrize("name", TAKING_PART)
def test_good_inputs_have_finite_scores(name: str) -> None:
    found = values(name, *GOOD[METRICS[name].takes])
    assert math.isfinite(next(iter(found.values())).value)
    acceptable(name, found)


@pytest.mark.parametrize("name", TAKING_PART)
@pytest.mark.parametrize(("predictions", "references"), [(0, 0), (2, 1), (1, 2), (0, 2)])
def test_no_rows_and_unequal_rows_are_refused(name: str, predictions: int, references: int) -> None:
    given, right = (GOOD[METRICS[name].takes][0][:predictions], GOOD[METRICS[name].takes][1][:references])
    if name == "squad" and predictions < references:
        assert values(name, given, right)["squad_f1"].value == 50 * predictions
        assert "a question without a\n    prediction scores 0" in str(METRICS[name].measure.__doc__)
        return
    assert refused(name, given, right) is None


@pytest.mark.parametrize("name", TAKING_PART)
def test_what_is_missing_or_not_finite_is_refused_or_has_the_value_that_is_documented(name: str) -> None:
    given, right = GOOD[METRICS[name].takes]
    for prediction, reference in NOTHING[METRICS[name].takes]:
        found = refused(name, [*given, prediction], [*right, reference])
        if found is not None:
            acceptable(name, found)
            for each in (prediction, reference):
                missing = each is None or (isinstance(each, float) and not math.isfinite(each))
                assert not missing, f"{name} takes {each} for a row"


@pytest.mark.parametrize("name", TAKING_PART)
def test_one_class_alone_has_the_value_that_is_documented(name: str) -> None:
    found = refused(name, *ONE_CLASS[METRICS[name].takes])
    if found is not None:
        acceptable(name, found)
