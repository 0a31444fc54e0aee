"""The influence of a row on a score is the score's derivative by the row's weight."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.metrics import METRICS
from tasks.metrics.comparison import paired
from tasks.metrics.intervals import influence_error, scores
from tasks.metrics.statistics import Weighted


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
@pytest.mark.parametrize("digits", [1, 9])
def test_influence_is_the_derivative_by_weight(name: str, average: str, digits: int) -> None:
    generator = np.random.default_rng(3)
    labels = 2 if average == "binary" else 4
    right = generator.integers(0, labels, 120)
    shape = (120,) if average == "binary" else (120, labels)
    given = np.round(generator.random(shape), digits)
    measured = METRICS[name].measure(given, right, average=average)
    assert measured.influence is not None
    weights = generator.integers(1, 4, 120).astype(float)
    ((key, moved),) = measured.influence(weights).items()
    step = 1e-6 * np.eye(120)
    slope = (measured.score(weights + step)[key] - measured.score(weights - step)[key]) / 2e-6
    assert moved == pytest.approx(slope, abs=1e-8)
    assert weights @ moved == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_many_rows_have_the_width_that_the_bootstrap_gives(name: str) -> None:
    generator = np.random.default_rng(4)
    rows = 200_100
    right = generator.integers(0, 2, rows)
    given, worse = (np.round(right * pull + generator.normal(size=rows), 3) for pull in (1.0, 0.99))
    one, other = (METRICS[name].measure(scored, right) for scored in (given, worse))
    few = METRICS[name].measure(given[:4000], right[:4000])
    drawn = few.score(few.statistics.resampled(400, generator))[name].std()
    found = scores(one)[name]
    assert found.method == "jackknife"
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 / 1.96 * (rows / 4000) ** 0.5 == pytest.approx(drawn, rel=0.12)
    difference = paired(one, other)[name]
    assert difference.low < difference.value < difference.high
    assert difference.test == "paired jackknife"
    # The same rows without each of fifty groups in turn, as scores whose influence is not known have it.
    without = [
        one.score(totals)[name] - other.score(totals)[name] for totals, _ in one.statistics.left_out(50)
    ]
    spread = np.concatenate(without).std() * 49**0.5
    assert (difference.high - difference.low) / 2 / 1.96 == pytest.approx(spread, rel=0.35)


def test_rows_of_a_group_move_a_score_together() -> None:
    alone, together = Weighted.every(4), Weighted(np.array([0, 0, 1, 1]))
    moved = np.array([1.0, 1.0, -1.0, -1.0])
    assert influence_error(alone, moved) == 2.0
    assert influence_error(together, moved) == pytest.approx(8**0.5)
