"""Intervals: reproducible, ordered, and covering what they claim."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.classification import accuracy, f1
from tasks.metrics.comparison import holm, paired
from tasks.metrics.intervals import scores
from tasks.metrics.statistics import Cells, Sums
from tasks.metrics.transcripts import wer


def test_the_same_seed_gives_the_same_interval() -> None:
    data = {"predictions": [0, 1, 1, 0, 1] * 20, "references": [0, 1, 0, 0, 1] * 20}
    assert compute("f1", **data, seed=3) == compute("f1", **data, seed=3)
    one = compute("f1", **data, level=0.9)["f1_macro"]
    two = compute("f1", **data, level=0.99)["f1_macro"]
    assert one.low is not None
    assert two.low is not None
    assert two.low <= one.low <= one.value


def test_one_row_has_no_interval_and_no_rows_no_score() -> None:
    assert compute("f1", predictions=[1], references=[1])["f1_macro"].low is None
    with pytest.raises(BadEvaluation):
        compute("accuracy", predictions=[], references=[])


def test_sums_and_cells_resample_alike() -> None:
    """A row in a cell is a row of one-hot sums: both must have the same distribution of totals."""
    index = np.repeat([0, 1, 2], [50, 30, 20])
    cells = Cells(index, 3).resampled(4000, np.random.default_rng(0))
    sums = Sums(np.eye(3)[index]).resampled(4000, np.random.default_rng(1))
    assert cells.sum(1).tolist() == [100.0] * 4000
    assert np.allclose(cells.mean(0), sums.mean(0), atol=0.4)
    assert np.allclose(cells.std(0), sums.std(0), atol=0.25)


@pytest.mark.parametrize("truth", [0.3, 0.8])
def test_accuracy_intervals_cover_what_they_claim(truth: float) -> None:
    generator = np.random.default_rng(7)
    covered = 0
    for seed in range(400):
        right = (generator.random(200) < truth).astype(int).tolist()
        found = scores(accuracy(right, [1] * 200), seed=seed, resamples=400)["accuracy"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_error_rate_intervals_cover_what_they_claim() -> None:
    generator = np.random.default_rng(8)
    covered = 0
    for seed in range(200):
        lengths = generator.integers(5, 15, 150)
        said = [" ".join(["w"] * length) for length in lengths]
        heard = [
            " ".join("x" if generator.random() < 0.2 else "w" for _ in range(length)) for length in lengths
        ]
        found = scores(wer(heard, said), seed=seed, resamples=400)["wer"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.2 <= found.high
    assert 0.90 <= covered / 200 <= 0.985


def test_paired_comparison_sees_a_difference_and_sees_none() -> None:
    generator = np.random.default_rng(0)
    right = generator.integers(0, 3, 600)
    good = np.where(generator.random(600) < 0.9, right, (right + 1) % 3).tolist()
    bad = np.where(generator.random(600) < 0.6, right, (right + 1) % 3).tolist()
    found = paired(f1(good, right.tolist()), f1(bad, right.tolist()))["f1_macro"]
    assert found.value > 0.2
    assert found.low > 0
    assert found.p_value < 0.01
    same = paired(f1(good, right.tolist()), f1(good, right.tolist()))["f1_macro"]
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    with pytest.raises(BadEvaluation, match="same rows"):
        paired(f1([1], [1]), f1([1, 1], [1, 1]))


def test_paired_p_values_are_uniform_when_models_are_equally_good() -> None:
    generator = np.random.default_rng(5)
    below = 0
    for seed in range(300):
        one = (generator.random(300) < 0.7).astype(int).tolist()
        other = (generator.random(300) < 0.7).astype(int).tolist()
        difference = paired(accuracy(one, [1] * 300), accuracy(other, [1] * 300), resamples=400, seed=seed)
        below += difference["accuracy"].p_value < 0.05
    assert 0.02 <= below / 300 <= 0.085


def test_holm_is_monotone_and_never_below_the_raw_value() -> None:
    raw = [0.001, 0.2, 0.03, 0.03]
    corrected = holm(raw)
    assert corrected == [0.004, 0.2, 0.09, 0.09]
