"""Intervals: reproducible, ordered, the ones other libraries find, and never a point."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.classification import accuracy, f1
from tasks.metrics.contract import Measurement
from tasks.metrics.intervals import resampled_scores, scores
from tasks.metrics.proportions import clopper_pearson, wilson
from tasks.metrics.statistics import Cells, Statistics, Sums, Weighted


def mean(values: np.ndarray) -> Measurement:
    statistics = Sums(np.stack([values, np.ones(len(values))], axis=1))
    return Measurement(statistics, lambda totals: {"mean": totals[..., 0] / totals[..., 1]}, {"mean": True})


def test_the_same_seed_gives_the_same_interval() -> None:
    data = {"predictions": [0, 1, 1, 0, 1] * 20, "references": [0, 1, 0, 0, 1] * 20}
    assert compute("f1", **data, seed=3) == compute("f1", **data, seed=3)
    one = compute("f1", **data, level=0.9)["f1_macro"]
    two = compute("f1", **data, level=0.99)["f1_macro"]
    assert one.low is not None
    assert two.low is not None
    assert two.low <= one.low <= one.value
    assert one.method == "percentile"


def test_one_row_and_rows_all_alike_have_no_bootstrap_interval() -> None:
    for rows in (1, 50):
        found = compute("f1", predictions=[1] * rows, references=[1] * rows)["f1_macro"]
        assert (found.low, found.high, found.method) == (None, None, None)
    with pytest.raises(BadEvaluation):
        compute("accuracy", predictions=[], references=[])


def test_a_perfect_accuracy_has_room_below_it() -> None:
    found = compute("accuracy", predictions=[1] * 20, references=[1] * 20)["accuracy"]
    assert (found.method, found.value, found.high) == ("wilson", 1.0, 1.0)
    assert found.low == pytest.approx(0.8389, abs=1e-4)
    exact = compute("accuracy", predictions=[1] * 20, references=[1] * 20, method="clopper-pearson")
    assert exact["accuracy"].low == pytest.approx(0.8316, abs=1e-4)
    drawn = compute("accuracy", predictions=[1] * 20, references=[1] * 20, method="percentile")
    assert drawn["accuracy"].low is None


@given(st.integers(1, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_closed_forms_equal_scipys(counts: tuple[int, int]) -> None:
    hits, rows = counts
    tested = scipy.stats.binomtest(hits, rows)
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = tested.proportion_ci(0.9, method=method)
        assert ours(hits, rows, 0.9) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
@pytest.mark.parametrize("seed", range(5))
def test_bootstrap_intervals_equal_scipys_of_the_same_samples(method: Any, seed: int) -> None:
    """Scipy takes a bootstrap distribution that is already there and makes an interval of it."""
    values = np.random.default_rng(seed).lognormal(size=40)
    measured = mean(values)
    drawn = resampled_scores(measured, measured.statistics, 999, np.random.default_rng(seed))["mean"]

    class Found:
        bootstrap_distribution = drawn

    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=0, bootstrap_result=Found(), method=method, vectorized=True
    ).confidence_interval
    ours = scores(measured, resamples=999, seed=seed, method=method.lower())["mean"]
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.method == method.lower()


def test_bca_of_cells_equals_scipys() -> None:
    hits = np.random.default_rng(0).random(60) < 0.9
    measured = accuracy(hits.astype(int).tolist(), [1] * 60)
    drawn = resampled_scores(measured, measured.statistics, 2000, np.random.default_rng(0))["accuracy"]

    class Found:
        bootstrap_distribution = drawn

    theirs = scipy.stats.bootstrap(
        (hits.astype(float),), np.mean, n_resamples=0, bootstrap_result=Found(), method="BCa"
    ).confidence_interval
    ours = scores(measured, resamples=2000, method="bca")["accuracy"]
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_jackknife_stands_in_where_rows_are_many_and_do_not_add_up() -> None:
    generator = np.random.default_rng(0)
    right = generator.integers(0, 2, 210_000)
    given = right * 0.5 + generator.normal(size=len(right))
    found = compute("roc_auc", predictions=given, references=right)["roc_auc"]
    few = compute("roc_auc", predictions=given[:20_000], references=right[:20_000])["roc_auc"]
    assert (found.method, few.method) == ("jackknife", "percentile")
    assert found.low is not None
    assert found.high is not None
    assert few.low is not None
    assert few.high is not None
    assert (few.high - few.low) / (found.high - found.low) == pytest.approx(10.5**0.5, rel=0.3)


def test_sums_and_cells_resample_alike() -> None:
    """A row in a cell is a row of one-hot sums: both must have the same distribution of totals."""
    index = np.repeat([0, 1, 2], [50, 30, 20])
    cells = Cells(index, 3).resampled(4000, np.random.default_rng(0))
    sums = Sums(np.eye(3)[index]).resampled(4000, np.random.default_rng(1))
    assert cells.sum(1).tolist() == [100.0] * 4000
    assert np.allclose(cells.mean(0), sums.mean(0), atol=0.4)
    assert np.allclose(cells.std(0), sums.std(0), atol=0.25)


def test_weights_give_every_kind_of_statistics_the_same_totals() -> None:
    index = np.array([0, 2, 1, 2])
    weights = np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 4.0, 0.0, 0.0]])
    wanted = weights @ np.eye(3)[index]
    assert Cells(index, 3).weighed(weights).tolist() == wanted.tolist()
    assert Sums(np.eye(3)[index]).weighed(weights).tolist() == wanted.tolist()
    assert Weighted(np.array([1, -1, 0])).weighed(np.array([[5.0, 7.0]])).tolist() == [[7.0, 0.0, 5.0]]


def test_totals_of_very_many_rows_spread_as_those_of_rows() -> None:
    """Also those of a statistic that ten rows carry, and none is off in the mean."""
    generator = np.random.default_rng(0)
    values = np.stack([generator.random(250_001), np.zeros(250_001), np.ones(250_001)], axis=1)
    values[:10, 1] = 1
    drawn = Sums(values).resampled(2000, np.random.default_rng(1))
    spread = values.std(axis=0) * 250_001**0.5
    assert np.allclose(drawn.mean(axis=0), values.sum(axis=0), atol=4 * spread / 2000**0.5 + 1)
    assert np.allclose(drawn.std(axis=0)[:2], spread[:2], rtol=0.06)


@pytest.mark.parametrize(
    "statistics",
    [
        Sums(np.arange(12.0).reshape(6, 2)),
        Cells(np.array([0, 1, 1, 2, 0, 1]), 3),
        Weighted.every(6),
    ],
)
def test_rows_left_out_leave_the_rest(statistics: Statistics) -> None:
    blocks = list(statistics.left_out())
    counts = np.concatenate([count for _, count in blocks])
    without = np.concatenate([totals for totals, _ in blocks])
    assert counts.sum() == 6
    assert np.allclose((counts[:, None] * without).sum(0), 5 * statistics.total())


def test_rows_of_a_group_are_drawn_together() -> None:
    """Rows said three times over are no more evidence: the interval by group is that of the rows once."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=200)
    thrice = np.repeat(values, 3)
    groups = np.repeat(np.arange(200), 3).tolist()
    once = scores(mean(values))["mean"]
    grouped = scores(mean(thrice), groups=groups)["mean"]
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high), abs=1e-9)
    table = accuracy(np.repeat(values > 0, 3).astype(int).tolist(), [1] * 600)
    found = scores(table, groups=groups)["accuracy"]
    assert found.method == "percentile"
    assert found.low is not None
    assert found.high is not None
    plain = scores(table)["accuracy"]
    assert plain.low is not None
    assert plain.high is not None
    assert found.high - found.low > 1.5 * (plain.high - plain.low)


def test_undefined_samples_are_left_out_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute("roc_auc", predictions=[0.1, 0.2, 0.3, 0.9], references=[0, 0, 1, 0])["roc_auc"]
    assert found.low is not None


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"level": 1.5}, BadEvaluation, "between 0 and 1"),
        ({"resamples": -1}, BadEvaluation, "0 bootstrap samples or more"),
        ({"method": "bac"}, UnknownName, "Did you mean 'bca'"),
        ({"groups": [1]}, BadEvaluation, "1 groups and 2 rows"),
    ],
)
def test_what_makes_no_interval_is_refused(arguments: dict[str, Any], kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        scores(f1([1, 0], [1, 1]), **arguments)


def test_scores_of_any_size_have_intervals() -> None:
    found = compute("mse", predictions=[1e-9, 2e-9, 5e-9], references=[0, 0, 0])["mse"]
    assert found.low is not None
    assert found.low < found.value


def test_a_metric_needs_predictions() -> None:
    with pytest.raises(BadEvaluation, match="'f1' needs predictions"):
        compute("f1", references=[1])
