"""Metrics of class probabilities against scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import AssayError, BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.areas import average_precision, roc_auc
from tasks.metrics.probabilities import expected_calibration_error

SCORES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32))
BINARY = st.lists(st.tuples(SCORES, st.integers(0, 1)), min_size=1, max_size=40)
NAMES = ["no", "yes", "未知"]


def value(name: str, predictions: Any, references: Any, **arguments: Any) -> float:
    found = compute(name, predictions=predictions, references=references, resamples=0, **arguments)
    return next(iter(found.values())).value


def expected(function: Any, *given: Any, **arguments: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*given, **arguments))


def columns(pairs: list[tuple[float, int]]) -> tuple[list[float], list[int]]:
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def matrix(rows: int, seed: int, rounded: bool = False) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    raw = generator.integers(1, 4, (rows, 3)) if rounded else generator.random((rows, 3)) + 0.01
    right = np.concatenate([[0, 1, 2], generator.integers(0, 3, rows - 3)])
    return raw / raw.sum(axis=1, keepdims=True), right


@given(BINARY)
def test_areas_of_one_score_a_row_equal_sklearns(pairs: list[tuple[float, int]]) -> None:
    scores, right = columns(pairs)
    auc = value("roc_auc", scores, right)
    assert auc == pytest.approx(expected(reference.roc_auc_score, right, scores), abs=1e-9, nan_ok=True)
    if any(right):
        wanted = expected(reference.average_precision_score, right, scores)
        assert value("average_precision", scores, right) == pytest.approx(wanted, abs=1e-9)
    else:
        assert np.isnan(value("average_precision", scores, right))


@given(BINARY, st.integers(0, 1000))
def test_areas_by_weight_equal_those_of_repeated_rows(pairs: list[tuple[float, int]], seed: int) -> None:
    scores, right = (np.array(column) for column in columns(pairs))
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(right))).astype(float)
    for measure, function in (
        (roc_auc, reference.roc_auc_score),
        (average_precision, reference.average_precision_score),
    ):
        (found,) = measure(scores, right).score(weights).values()
        for row, weight in enumerate(weights):
            again = np.repeat(np.arange(len(right)), weight.astype(int))
            if len(set(right[again])) < 2:
                continue
            assert found[row] == pytest.approx(expected(function, right[again], scores[again]), abs=1e-9)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("seed", range(8))
def test_areas_of_several_labels_equal_sklearns(average: Any, seed: int) -> None:
    probabilities, right = matrix(40, seed, rounded=seed % 2 == 1)
    assert value("roc_auc", probabilities, right, average=average) == pytest.approx(
        expected(reference.roc_auc_score, right, probabilities, multi_class="ovr", average=average), abs=1e-9
    )
    assert value("average_precision", probabilities, right, average=average) == pytest.approx(
        expected(reference.average_precision_score, right, probabilities, average=average), abs=1e-9
    )


@given(BINARY)
def test_losses_of_one_probability_a_row_equal_sklearns(pairs: list[tuple[float, int]]) -> None:
    probabilities, right = columns(pairs)
    assert value("log_loss", probabilities, right) == pytest.approx(
        expected(reference.log_loss, right, probabilities, labels=[0, 1]), abs=1e-9
    )
    assert value("brier_score", probabilities, right) == pytest.approx(
        expected(reference.brier_score_loss, right, probabilities, labels=[0, 1]), abs=1e-9
    )


@pytest.mark.parametrize("seed", range(6))
def test_losses_of_several_labels_equal_sklearns(seed: int) -> None:
    probabilities, right = matrix(30, seed)
    mapped = [dict(zip(NAMES, row, strict=True)) for row in probabilities.tolist()]
    named = [NAMES[label] for label in right]
    for name, function in (("log_loss", reference.log_loss), ("brier_score", reference.brier_score_loss)):
        wanted = expected(function, right, probabilities)
        assert value(name, probabilities, right) == pytest.approx(wanted, abs=1e-9)
        assert value(name, mapped, named) == pytest.approx(wanted, abs=1e-9)
        assert value(name, probabilities[:, ::-1], named, labels=NAMES[::-1]) == pytest.approx(
            wanted, abs=1e-9
        )


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_top_k_accuracy_equals_sklearns_of_columns_in_reverse(k: int, seed: int) -> None:
    """Of equal numbers ours takes the first column and theirs the last."""
    probabilities, right = matrix(50, seed, rounded=True)
    wanted = expected(reference.top_k_accuracy_score, 2 - right, probabilities[:, ::-1], k=k)
    found = compute("top_k_accuracy", predictions=probabilities, references=right, k=k)[f"top_{k}_accuracy"]
    assert found.value == pytest.approx(wanted, abs=1e-12)
    assert found.method == "wilson"
    if k == 1:
        assert found.value == pytest.approx(np.mean(probabilities.argmax(axis=1) == right))


@pytest.mark.parametrize("bins", [1, 4, 15])
@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_equals_that_of_counted_bins(bins: int, seed: int) -> None:
    probabilities, right = matrix(60, seed)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == right
    wanted = 0.0
    for number in range(bins):
        inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
        if inside.any():
            wanted += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    found = value("expected_calibration_error", probabilities, right, bins=bins)
    assert found == pytest.approx(wanted, abs=1e-9)
    rows = expected_calibration_error(probabilities, right, bins=bins).details["calibration"]
    assert sum(int(str(row["rows"])) for row in rows) == 60


def test_calibration_error_equals_torchmetrics() -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calibration = pytest.importorskip("torchmetrics.functional.classification")
    probabilities, right = matrix(200, 0)
    theirs = calibration.multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(right), num_classes=3, n_bins=10, norm="l1"
    )
    found = value("expected_calibration_error", probabilities, right, bins=10)
    assert found == pytest.approx(float(theirs), abs=1e-6)


def test_inputs_have_the_names_of_hf_evaluate() -> None:
    found = compute(
        "roc_auc", prediction_scores=[0.5, 0.2, 0.99, 0.3, 0.1, 0.7], references=[1, 0, 1, 1, 0, 0]
    )
    assert round(found["roc_auc"].value, 2) == 0.78


def test_float32_probabilities_are_clipped_as_sklearn_does() -> None:
    given = np.array([0.0, 1.0], dtype=np.float32)
    wanted = expected(reference.log_loss, [1, 1], given, labels=[0, 1])
    assert value("log_loss", given, [1, 1]) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "predictions", "references", "arguments", "words"),
    [
        ("roc_auc", [], [], {}, "no rows"),
        ("roc_auc", [0.1], [0, 1], {}, "1 predictions and 2 references"),
        ("roc_auc", [0.1, float("nan")], [0, 1], {}, "row 1 is missing, NaN"),
        ("roc_auc", [0.1, float("inf")], [0, 1], {}, "row 1 is missing, NaN"),
        ("roc_auc", [0.1, None], [0, 1], {}, "row 1 is missing, NaN"),
        ("roc_auc", [0.1, 0.2], ["a", "b"], {}, "give positive, one of a, b"),
        ("roc_auc", [0.1, 0.2, 0.3], [0, 1, 2], {"positive": 1}, "there are 3"),
        ("roc_auc", [0.1, 0.2], [0, 1], {"average": "macro"}, "nothing to average"),
        ("roc_auc", [[0.1, 0.9], [1.0]], [0, 1], {}, "something else"),
        ("roc_auc", [[[0.1]]], [0], {}, "have 3"),
        ("roc_auc", [[0.1, 0.9]], ["a"], {}, "give labels"),
        ("roc_auc", [[0.1, 0.9]], ["a"], {"labels": ["a"]}, "2 probabilities a row and 1"),
        ("roc_auc", [{"a": 1.0}], ["b"], {}, "no label with a probability 'b'"),
        ("roc_auc", [{"a": 1.0}], [None], {}, "missing"),
        ("log_loss", [2.5], [1], {}, "between 0 and 1"),
        ("log_loss", [[0.5, 0.1]], ["a"], {"labels": ["a", "b"]}, "add up to 0.6"),
        ("brier_score", [{"a": 0.5, "b": 0.1}], ["a"], {}, "add up to 0.6"),
        ("expected_calibration_error", [0.5], [1], {"bins": 0}, "1 bin or more"),
        ("top_k_accuracy", [{"a": 0.5, "b": 0.5}], ["a"], {"k": 2}, "k can be 1 to 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    name: str, predictions: Any, references: Any, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AssayError, match=words) as found:
        compute(name, predictions=predictions, references=references, **arguments)
    assert isinstance(found.value, BadEvaluation | UnknownName)


def test_labels_without_rows_have_no_part_in_an_average() -> None:
    probabilities = [{"a": 0.7, "b": 0.2, "c": 0.1}, {"a": 0.1, "b": 0.9, "c": 0.0}]
    assert value("roc_auc", probabilities, ["a", "b"]) == 1.0
    assert np.isnan(value("roc_auc", probabilities, ["a", "a"]))
    assert value("roc_auc", probabilities, ["a", "b"], average="binary", positive="b") == 1.0
