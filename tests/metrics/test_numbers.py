"""Regression and correlation against scikit-learn and scipy."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.correlation import kendalltau, pearsonr, spearmanr

NUMBER = st.one_of(st.integers(-3, 3).map(float), st.floats(-1000, 1000, width=32))
PAIRS = st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=40)
CORRELATIONS = (
    (pearsonr, scipy.stats.pearsonr),
    (spearmanr, scipy.stats.spearmanr),
    (kendalltau, scipy.stats.kendalltau),
)


def value(name: str, predictions: Any, references: Any) -> float:
    found = compute(name, predictions=predictions, references=references, resamples=0)
    return found[name].value


@given(PAIRS)
def test_errors_equal_sklearns(pairs: list[tuple[float, float]]) -> None:
    given, wanted = (list(column) for column in zip(*pairs, strict=True))
    for name, function in (
        ("mse", reference.mean_squared_error),
        ("rmse", reference.root_mean_squared_error),
        ("mae", reference.mean_absolute_error),
    ):
        assert value(name, given, wanted) == pytest.approx(function(wanted, given), rel=1e-9, abs=1e-9)
    away = [each if abs(each) > 1e-9 else 1.0 for each in wanted]
    assert value("mape", given, away) == pytest.approx(
        reference.mean_absolute_percentage_error(away, given), rel=1e-9, abs=1e-9
    )
    if max(wanted) - min(wanted) > 1e-3:
        assert value("r_squared", given, wanted) == pytest.approx(
            reference.r2_score(wanted, given), rel=1e-9, abs=1e-9
        )


def test_several_outputs_are_averaged_as_sklearn_does() -> None:
    generator = np.random.default_rng(0)
    wanted = generator.normal(size=(30, 3)) * [1, 10, 100] + 5
    given = wanted + generator.normal(size=(30, 3))
    for name, function in (
        ("mse", reference.mean_squared_error),
        ("rmse", reference.root_mean_squared_error),
        ("mae", reference.mean_absolute_error),
        ("mape", reference.mean_absolute_percentage_error),
        ("r_squared", reference.r2_score),
    ):
        assert value(name, given.tolist(), wanted.tolist()) == pytest.approx(
            function(wanted, given), abs=1e-9
        )


@given(PAIRS, st.integers(0, 1000))
def test_correlations_by_weight_equal_scipys_of_repeated_rows(
    pairs: list[tuple[float, float]], seed: int
) -> None:
    given, wanted = (np.array(column) for column in zip(*pairs, strict=True))
    drawn = np.random.default_rng(seed).integers(0, 4, (2, len(given)))
    drawn[:, 0] += 1
    weights = np.concatenate([np.ones((1, len(given))), drawn])
    for measure, function in CORRELATIONS:
        measured = measure(given, wanted)
        sums = getattr(measured.statistics, "values", None)
        found = measured.score(weights if sums is None else weights @ sums)[measure.__name__]
        for row, weight in enumerate(weights.astype(int)):
            again = np.repeat(np.arange(len(given)), weight)
            if len(again) < 2 or np.ptp(given[again]) < 1e-3 or np.ptp(wanted[again]) < 1e-3:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = function(given[again], wanted[again]).statistic
            assert found[row] == pytest.approx(theirs, abs=1e-9), measure.__name__


@pytest.mark.parametrize("name", ["pearsonr", "spearmanr", "kendalltau"])
def test_a_constant_has_no_correlation(name: str) -> None:
    assert math.isnan(value(name, [0.1, 0.1, 0.1], [1, 2, 3]))
    assert math.isnan(value(name, [1, 2, 3], [1e9 + 0.1] * 3))
    assert value(name, [1, 2], [1e15, 1e15 + 1]) == pytest.approx(1.0)
    found = compute(name, predictions=[1, 2, 3, 4, 5, 7], references=[2, 1, 4, 3, 7, 5])[name]
    assert found.low is not None
    assert math.isnan(value("r_squared", [1, 2], [0.1, 0.1]))


def test_far_values_stay_exact() -> None:
    generator = np.random.default_rng(0)
    given, wanted = generator.normal(size=(2, 200)) + 1e8
    assert value("pearsonr", given, wanted) == pytest.approx(
        scipy.stats.pearsonr(given, wanted).statistic, abs=1e-9
    )
    assert value("r_squared", given, wanted) == pytest.approx(reference.r2_score(wanted, given), rel=1e-7)


@pytest.mark.parametrize(
    ("name", "predictions", "references", "words"),
    [
        ("mse", [], [], "no rows"),
        ("mse", [1.0], [1.0, 2.0], "1 predictions and 2 references"),
        ("mse", [1.0, float("nan")], [1.0, 2.0], "Row 1 of the predictions is missing, NaN"),
        ("mae", [1.0, 2.0], [1.0, None], "Row 1 of the references is missing, NaN"),
        ("mae", ["a"], [1.0], "Some predictions are not numbers"),
        ("mse", [[1.0, 2.0]], [[1.0]], "2 predicted numbers and 1"),
        ("mse", [[[1.0]]], [[[1.0]]], "have 3"),
        ("mape", [1.0, 2.0], [1.0, 0.0], "that of row 1 is"),
        ("pearsonr", [[1.0, 2.0]], [[1.0, 2.0]], "one number a row"),
    ],
)
def test_what_cannot_be_judged_is_refused(name: str, predictions: Any, references: Any, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute(name, predictions=predictions, references=references)
