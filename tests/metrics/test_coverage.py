"""Intervals of nominally 95% hold the true score in 93% to 97% of data sets drawn from a known world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tasks.metrics.areas import average_precision, roc_auc
from tasks.metrics.classification import accuracy, balanced_accuracy, f1, matthews_correlation
from tasks.metrics.contract import Measurement
from tasks.metrics.correlation import kendalltau, pearsonr, spearmanr
from tasks.metrics.intervals import scores
from tasks.metrics.regression import r_squared, rmse
from tasks.metrics.statistics import Sums

TRIALS, ROWS, RESAMPLES = 1000, 400, 400
World = Callable[[int, np.random.Generator], tuple[Any, Any]]


def labelled(rows: int, generator: np.random.Generator) -> tuple[Any, Any]:
    right = generator.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    given = np.where(generator.random(rows) < 0.75, right, generator.integers(0, 4, rows))
    return given, right


def scored(rows: int, generator: np.random.Generator) -> tuple[Any, Any]:
    right = (generator.random(rows) < 0.3).astype(int)
    return right + generator.normal(size=rows), right


def measured(rows: int, generator: np.random.Generator) -> tuple[Any, Any]:
    right = generator.normal(size=rows)
    return right + generator.normal(size=rows) * 0.7, right


def counted(rows: int, generator: np.random.Generator) -> tuple[Any, Any]:
    """Errors and words of utterances, some of them harder than others."""
    words = generator.integers(3, 30, rows)
    return generator.binomial(words, generator.beta(2, 8, rows)), words


def error_rate(errors: np.ndarray, words: np.ndarray) -> Measurement:
    return Measurement(
        Sums(np.stack([errors, words], axis=1).astype(float)),
        lambda totals: {"error_rate": totals[..., 0] / totals[..., 1]},
        {"error_rate": False},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "world", "method"),
    [
        (accuracy, labelled, "auto"),
        (accuracy, labelled, "percentile"),
        (balanced_accuracy, labelled, "auto"),
        (f1, labelled, "auto"),
        (f1, labelled, "bca"),
        (matthews_correlation, labelled, "auto"),
        (error_rate, counted, "auto"),
        (error_rate, counted, "bca"),
        (roc_auc, scored, "auto"),
        (average_precision, scored, "bca"),
        (pearsonr, measured, "auto"),
        (spearmanr, measured, "auto"),
        (kendalltau, measured, "auto"),
        (r_squared, measured, "auto"),
        (rmse, measured, "auto"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_intervals_cover_what_they_claim(
    measure: Callable[[Any, Any], Measurement], world: World, method: Any
) -> None:
    generator = np.random.default_rng(11)
    whole = measure(*world(1_000_000, generator))
    ((key, truth),) = whole.score(whole.statistics.total()).items()
    trials = TRIALS if measure is not kendalltau else TRIALS // 2
    covered = 0
    for seed in range(trials):
        found = scores(measure(*world(ROWS, generator)), seed=seed, resamples=RESAMPLES, method=method)[key]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / trials <= 0.97


@pytest.mark.parametrize("truth", [0.02, 0.5, 0.95, 0.99])
def test_closed_forms_cover_few_rows_near_the_ends_too(truth: float) -> None:
    """By every possible count of hits, weighted by how likely it is, in the mean over row counts."""
    import scipy.stats

    from tasks.metrics.proportions import clopper_pearson, wilson

    covered = {wilson: 0.0, clopper_pearson: 1.0}
    counts = range(20, 120)
    for rows in counts:
        likely = scipy.stats.binom.pmf(np.arange(rows + 1), rows, truth)
        for interval in covered:
            inside = [
                low <= truth <= high for low, high in (interval(hits, rows) for hits in range(rows + 1))
            ]
            share = float(likely[inside].sum())
            if interval is wilson:
                covered[wilson] += share / len(counts)
            else:
                covered[clopper_pearson] = min(covered[clopper_pearson], share)
    assert 0.93 <= covered[wilson] <= 0.975
    assert covered[clopper_pearson] >= 0.95
