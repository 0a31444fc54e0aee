"""Classification metrics against scikit-learn."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute, confusion

NAMES = ["no", "yes", "maybe", "ОК", "未知"]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=60)


def value(name: str, pairs: list[tuple[str, str]], **arguments: Any) -> float:
    predictions, references = zip(*pairs, strict=True)
    found = compute(name, predictions=predictions, references=references, resamples=0, **arguments)
    return next(iter(found.values())).value


def expected(function: Any, pairs: list[tuple[str, str]], **arguments: Any) -> float:
    predictions, references = zip(*pairs, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(references, predictions, **arguments))


@given(PAIRS)
def test_accuracy_and_its_kin_equal_sklearns(pairs: list[tuple[str, str]]) -> None:
    assert value("accuracy", pairs) == pytest.approx(expected(reference.accuracy_score, pairs), abs=1e-12)
    assert value("balanced_accuracy", pairs) == pytest.approx(
        expected(reference.balanced_accuracy_score, pairs), abs=1e-12
    )
    assert value("matthews_correlation", pairs) == pytest.approx(
        expected(reference.matthews_corrcoef, pairs), abs=1e-9
    )
    kappa = expected(reference.cohen_kappa_score, pairs)
    assert value("cohen_kappa", pairs) == pytest.approx(kappa, abs=1e-9, nan_ok=True)


@given(PAIRS, st.sampled_from(["macro", "micro", "weighted"]))
def test_averaged_scores_equal_sklearns(pairs: list[tuple[str, str]], average: str) -> None:
    for name in ("precision", "recall", "f1"):
        wanted = expected(getattr(reference, f"{name}_score"), pairs, average=average, zero_division=0)
        assert value(name, pairs, average=average) == pytest.approx(wanted, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_binary_f1_counts_the_label_one(pairs: list[tuple[int, int]]) -> None:
    if not any(1 in pair for pair in pairs):
        return
    wanted = expected(reference.f1_score, pairs, zero_division=0)  # type: ignore[arg-type]  # ints here
    assert value("f1", pairs, average="binary") == pytest.approx(wanted, abs=1e-12)  # type: ignore[arg-type]  # ints here


@given(PAIRS)
def test_the_confusion_matrix_equals_sklearns(pairs: list[tuple[str, str]]) -> None:
    predictions, references = zip(*pairs, strict=True)
    labels, matrix = confusion(predictions, references)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = reference.confusion_matrix(references, predictions, labels=labels)
    assert matrix.tolist() == wanted.tolist()


def test_details_tell_each_class() -> None:
    from tasks.metrics.classification import f1

    rows = f1(["a", "b", "b"], ["a", "a", "b"]).details["per_class"]
    assert rows[0] == {
        "label": "a",
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }


def test_many_labels_stay_light() -> None:
    generator = np.random.default_rng(0)
    references = generator.integers(0, 1000, 5000)
    predictions = np.where(generator.random(5000) < 0.7, references, generator.integers(0, 1000, 5000))
    found = compute("f1", predictions=predictions.tolist(), references=references.tolist(), resamples=200)
    wanted = reference.f1_score(references, predictions, average="macro", zero_division=0)
    assert found["f1_macro"].value == pytest.approx(wanted, abs=1e-12)
    assert found["f1_macro"].low is not None


def test_one_class_is_the_documented_value() -> None:
    assert value("matthews_correlation", [("a", "a")] * 3) == 0
    assert math.isnan(value("cohen_kappa", [("a", "a")] * 3))


@pytest.mark.parametrize(
    ("predictions", "references", "words"),
    [
        ([], [], "no rows"),
        (["a"], ["a", "b"], "1 predictions and 2 references"),
        ([None], ["a"], "missing"),
        ([float("nan")], [1.0], "missing"),
    ],
)
def test_input_that_cannot_be_scored_is_refused(
    predictions: list[Any], references: list[Any], words: str
) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute("accuracy", predictions=predictions, references=references)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'accuracy'"):
        compute("acuracy", predictions=[1], references=[1])
    with pytest.raises(UnknownName, match="Did you mean 'average'"):
        compute("f1", predictions=[1], references=[1], averag="macro")
    with pytest.raises(BadEvaluation, match="which label counts"):
        compute("f1", predictions=["a"], references=["b"], average="binary")
