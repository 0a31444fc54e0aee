"""Two models on the same rows: tests against scipy, and how often they are wrong when there is nothing."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compare
from tasks.metrics.classification import accuracy, f1
from tasks.metrics.comparison import on_shared_rows, paired
from tasks.metrics.contract import Measurement
from tasks.metrics.power import detectable_difference
from tasks.metrics.randomisation import randomised
from tasks.metrics.significance import holm, mcnemar, wilcoxon
from tasks.metrics.statistics import Sums
from tasks.metrics.transcripts import wer


def models(rows: int, good: float, bad: float, seed: int) -> tuple[list[int], list[int], list[int]]:
    generator = np.random.default_rng(seed)
    right = generator.integers(0, 3, rows)
    answers = [
        np.where(generator.random(rows) < share, right, (right + 1) % 3).tolist() for share in (good, bad)
    ]
    return answers[0], answers[1], right.tolist()


def test_paired_comparison_sees_a_difference_and_sees_none() -> None:
    good, bad, right = models(600, 0.9, 0.6, seed=0)
    found = paired(f1(good, right), f1(bad, right))["f1_macro"]
    assert found.value > 0.2
    assert found.low > 0
    assert found.p_value < 0.01
    same = paired(f1(good, right), f1(good, right))["f1_macro"]
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    with pytest.raises(BadEvaluation, match="same rows"):
        paired(f1([1], [1]), f1([1, 1], [1, 1]))


@pytest.mark.parametrize("test", ["bootstrap", "randomisation", "mcnemar"])
def test_p_values_are_uniform_when_models_are_equally_good(test: Any) -> None:
    below = 0
    for seed in range(300):
        one, other, right = models(300, 0.7, 0.7, seed)
        difference = compare(
            "accuracy",
            predictions=one,
            others=other,
            references=right,
            resamples=400,
            seed=seed,
            test=test,
        )
        below += difference["accuracy"].p_value < 0.05
    assert 0.02 <= below / 300 <= 0.085


@pytest.mark.parametrize("name", ["wer", "roc_auc", "f1"])
def test_randomisation_finds_the_share_of_all_swaps(name: str) -> None:
    """Of few rows every swap can be tried: the share found at random must be near the share of all."""
    given: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
        "wer": (
            ["a b", "c d", "e", "g h", "x", "k l m", "q r"],
            ["a", "c x", "e", "x y", "y", "k", "r"],
            ["a b", "c d", "e", "g h", "i j", "k l m", "q r"],
        ),
        "roc_auc": (
            [0.9, 0.8, 0.3, 0.4, 0.1, 0.7, 0.2],
            [0.5, 0.1, 0.6, 0.4, 0.3, 0.2, 0.9],
            [1, 1, 0, 1, 0, 1, 0],
        ),
        "f1": ([0, 1, 2, 0, 1, 2, 1], [1, 1, 0, 0, 2, 2, 0], [0, 1, 2, 0, 1, 2, 0]),
    }
    one, other, right = given[name]
    from tasks.metrics import compute

    def difference(first: list[Any], second: list[Any]) -> float:
        values = [
            next(iter(compute(name, predictions=each, references=right, resamples=0).values())).value
            for each in (first, second)
        ]
        return values[0] - values[1]

    seen = abs(difference(one, other))
    swaps = []
    for coins in product([False, True], repeat=len(right)):
        first = [b if coin else a for a, b, coin in zip(one, other, coins, strict=True)]
        second = [a if coin else b for a, b, coin in zip(one, other, coins, strict=True)]
        swaps.append(abs(difference(first, second)) >= seen - 1e-12)
    found = compare(
        name, predictions=one, others=other, references=right, test="randomisation", resamples=8000
    )
    (only,) = found.values()
    assert only.p_value == pytest.approx(np.mean(swaps), abs=0.025)
    assert only.test == "approximate randomisation"


def test_groups_are_swapped_and_drawn_whole() -> None:
    """Rows said ten times over are no more evidence."""
    one, other, right = models(40, 0.8, 0.65, seed=3)
    groups = list(range(40)) * 10
    for test in ("bootstrap", "randomisation"):
        once = compare("f1", predictions=one, others=other, references=right, test=test)  # type: ignore[arg-type]  # a literal
        many = compare(
            "f1",
            predictions=one * 10,
            others=other * 10,
            references=right * 10,
            groups=groups,
            test=test,  # type: ignore[arg-type]  # a literal
        )
        assert many["f1_macro"].p_value == pytest.approx(once["f1_macro"].p_value, abs=0.05)
    with pytest.raises(BadEvaluation, match="independent"):
        compare("f1", predictions=[1], others=[1], references=[1], groups=[1], test="wilcoxon")


def test_totals_of_very_many_rows_are_drawn_together() -> None:
    """Two models that differ by noise much smaller than what they share differ by little in every sample."""
    generator = np.random.default_rng(0)
    shared = generator.normal(size=220_000)

    def mean(values: np.ndarray) -> Measurement:
        return Measurement(
            Sums(np.stack([values, np.ones(len(values))], axis=1)),
            lambda totals: {"mean": totals[..., 0] / totals[..., 1]},
            {"mean": True},
        )

    found = paired(mean(shared + 0.01), mean(shared + generator.normal(size=len(shared)) * 0.01))["mean"]
    assert found.high - found.low < 0.001
    assert found.value == pytest.approx(0.01, abs=0.001)


def test_intervals_of_differences_cover_what_they_claim() -> None:
    covered = 0
    for seed in range(300):
        one, other, right = models(300, 0.8, 0.7, seed)
        found = paired(accuracy(one, right), accuracy(other, right), resamples=400, seed=seed)["accuracy"]
        covered += found.low <= 0.1 <= found.high
    assert 0.92 <= covered / 300 <= 0.98


def test_the_detectable_difference_is_seen_four_times_in_five() -> None:
    seen, bounds = 0, []
    for seed in range(300):
        one, other, right = models(400, 0.85, 0.85 - 0.074, seed)
        found = compare(
            "accuracy",
            predictions=one,
            others=other,
            references=right,
            resamples=300,
            test="mcnemar",
        )["accuracy"]
        seen += found.p_value < 0.05
        bounds.append(found.detectable)
    assert np.mean(bounds) == pytest.approx(0.076, abs=0.004)
    assert 0.7 <= seen / 300 <= 0.87
    assert detectable_difference(0.5, alpha=0.05) == pytest.approx(0.5 * (1.959964 + 0.841621), abs=1e-6)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(one: int, other: int) -> None:
    exact = mcnemar(one, other, "exact")
    if one + other:
        assert exact == pytest.approx(scipy.stats.binomtest(one, one + other).pvalue, abs=1e-9)
    assert mcnemar(one, other) <= exact
    assert mcnemar(one, other) == mcnemar(other, one)
    assert mcnemar(one, one) == pytest.approx(1.0)


def test_mcnemar_for_many_rows_agrees_with_itself() -> None:
    assert mcnemar(5100, 4900) == pytest.approx(mcnemar(5100, 4900, "chi2"), abs=1e-3)


def test_wilcoxon_takes_rows_where_both_are_equal() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 4, (2, 50)).astype(float)
    wanted = scipy.stats.wilcoxon(one, other, zero_method="pratt").pvalue
    assert wilcoxon(one, other) == pytest.approx(wanted, abs=1e-12)
    with pytest.raises(BadEvaluation, match="some rows have none"):
        wilcoxon(np.array([1.0, np.nan]), np.array([1.0, 2.0]))


def test_effects_have_the_measure_that_fits() -> None:
    one, other, right = models(100, 0.9, 0.6, seed=1)
    shares = compare("accuracy", predictions=one, others=other, references=right)["accuracy"]
    assert shares.effect_name == "cohen_h"
    assert shares.effect == pytest.approx(
        2 * np.arcsin(np.sqrt(np.mean(np.equal(one, right))))
        - 2 * np.arcsin(np.sqrt(np.mean(np.equal(other, right))))
    )
    numbers = compare("mae", predictions=one, others=other, references=right)["mae"]
    differences = np.abs(np.subtract(one, right)) - np.abs(np.subtract(other, right))
    assert numbers.effect_name == "cohen_dz"
    assert numbers.effect == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert compare("f1", predictions=one, others=other, references=right)["f1_macro"].effect is None


def test_runs_on_other_rows_are_compared_on_those_they_share() -> None:
    one, other, right = models(50, 0.9, 0.6, seed=2)
    first = accuracy(one[:40], right[:40])
    second = accuracy(other[10:][::-1], right[10:][::-1])
    left, aligned, rows = on_shared_rows(first, range(40), second, range(49, 9, -1))
    assert rows == list(range(10, 40))
    found = paired(left, aligned)["accuracy"]
    wanted = paired(accuracy(one[10:40], right[10:40]), accuracy(other[10:40], right[10:40]))["accuracy"]
    assert found.value == wanted.value
    with pytest.raises(BadEvaluation, match="no row in common"):
        on_shared_rows(first, range(40), second, range(100, 140))
    with pytest.raises(BadEvaluation, match="a number of its own"):
        on_shared_rows(first, [1] * 40, second, range(40))


def test_tests_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadEvaluation, match="plain shares of rows"):
        compare("f1", predictions=[1, 0], others=[1, 1], references=[1, 1], test="mcnemar")
    with pytest.raises(BadEvaluation, match="single rows have none"):
        compare("roc_auc", predictions=[0.1, 0.9], others=[0.3, 0.2], references=[0, 1], test="wilcoxon")
    with pytest.raises(BadEvaluation, match="1 bootstrap sample or more"):
        compare("f1", predictions=[1], others=[1], references=[1], resamples=0)
    with pytest.raises(BadEvaluation, match="no pairs"):
        randomised(wer(["a"], ["a"]))


def test_holm_is_monotone_and_never_below_the_raw_value() -> None:
    raw = [0.001, 0.2, 0.03, 0.03]
    assert holm(raw) == [0.004, 0.2, 0.09, 0.09]


def test_scores_of_any_size_are_told_apart() -> None:
    """Numbers of the size of 1e-15 differ as much as numbers of the size of 1."""
    generator = np.random.default_rng(0)
    right = generator.normal(size=100) * 1e-8
    one, other = right + 1e-8 * generator.normal(size=100), right + 3e-8 * generator.normal(size=100)
    for test in ("bootstrap", "randomisation", "wilcoxon"):
        found = compare("mse", predictions=one, others=other, references=right, test=test)["mse"]  # type: ignore[arg-type]  # a literal
        assert found.p_value < 0.01
        assert found.low < found.high < 0
