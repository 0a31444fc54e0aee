"""Metrics of several labels a row against scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tasks.errors import AssayError
from tasks.metrics import compute

TABLES = st.integers(1, 12).flatmap(
    lambda rows: arrays.arrays(np.int64, (2, rows, 4), elements=st.integers(0, 1))
)
NAMES = ["sport", "politique", "经济", "наука"]


def value(name: str, predictions: Any, references: Any, **arguments: Any) -> float:
    found = compute(name, predictions=predictions, references=references, resamples=0, **arguments)
    return next(iter(found.values())).value


def named(table: np.ndarray) -> list[set[str]]:
    return [{NAMES[column] for column in np.flatnonzero(row)} for row in table]


def expected(function: Any, *given: Any, **arguments: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*given, **arguments))


@given(TABLES)
def test_scores_of_sets_and_of_indicators_equal_sklearns(tables: np.ndarray) -> None:
    given, right = tables
    cases: list[tuple[str, Any, dict[str, Any]]] = [
        ("subset_accuracy", reference.accuracy_score, {}),
        ("hamming_loss", reference.hamming_loss, {}),
    ]
    cases += [
        ("multilabel_f1", reference.f1_score, {"average": average})
        for average in ("micro", "macro", "weighted", "samples")
    ]
    for name, function, arguments in cases:
        wanted = expected(function, right, given, **arguments, **({"zero_division": 0} if arguments else {}))
        assert value(name, given.tolist(), right.tolist(), **arguments) == pytest.approx(wanted, abs=1e-9)
        assert value(name, given, right, **arguments) == pytest.approx(wanted, abs=1e-9)
        by_name = value(name, named(given), named(right), labels=NAMES, **arguments)
        assert by_name == pytest.approx(wanted, abs=1e-9)


@given(TABLES, st.integers(0, 100))
def test_ranking_precision_equals_sklearns(tables: np.ndarray, seed: int) -> None:
    right = tables[0]
    scores = np.random.default_rng(seed).integers(0, 4, right.shape) / 4
    wanted = expected(reference.label_ranking_average_precision_score, right, scores)
    assert value("label_ranking_average_precision", scores, right) == pytest.approx(wanted, abs=1e-9)
    mapped = [dict(zip(NAMES, row, strict=True)) for row in scores.tolist()]
    assert value("label_ranking_average_precision", mapped, named(right)) == pytest.approx(wanted, abs=1e-9)


def test_intervals_and_details() -> None:
    generator = np.random.default_rng(0)
    right = generator.integers(0, 2, (100, 4))
    given = np.where(generator.random((100, 4)) < 0.8, right, 1 - right)
    exact = compute("subset_accuracy", predictions=given, references=right)["subset_accuracy"]
    assert exact.method == "wilson"
    found = compute("multilabel_f1", predictions=given, references=right)["multilabel_f1_macro"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("name", "predictions", "references", "arguments", "words"),
    [
        ("hamming_loss", [], [], {}, "no rows"),
        ("hamming_loss", ["ab"], [["a"]], {}, "Row 0 is 'ab'"),
        ("hamming_loss", [3], [["a"]], {}, "Row 0 is 3"),
        ("hamming_loss", [set()], [set()], {}, "No row has any label"),
        ("hamming_loss", [["a"]], [["b"]], {"labels": ["a", "c"]}, "no label 'b'"),
        ("hamming_loss", [[1, 0]], [[1, 1]], {"labels": ["a"]}, "2 columns, and there are 1 labels"),
        ("label_ranking_average_precision", [[0.5]], [[1, 0]], {}, "one finite score a label"),
        ("label_ranking_average_precision", [{"a": 0.5}, {}], [["a"], ["a"]], {}, "some lack a score"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    name: str, predictions: Any, references: Any, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AssayError, match=words):
        compute(name, predictions=predictions, references=references, **arguments)
