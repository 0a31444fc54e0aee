"""Curves and their areas against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from tasks.pictures.curves import precision_recall, roc


@pytest.mark.parametrize("seed", range(5))
def test_curves_are_those_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    hits = generator.random(300) < 0.3
    # Few distinct values, so that many rows are equal.
    scores = np.round(generator.random(300) * 0.7 + hits * 0.3, 1 + seed % 2)
    found = roc(scores, hits)
    assert found is not None
    assert found.area == pytest.approx(reference.roc_auc_score(hits, scores))
    false, true, _ = reference.roc_curve(hits, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.across, false)
    np.testing.assert_allclose(found.up, true)
    exact = precision_recall(scores, hits)
    assert exact is not None
    assert exact.area == pytest.approx(reference.average_precision_score(hits, scores))
    precision, recall, _ = reference.precision_recall_curve(hits, scores)
    np.testing.assert_allclose(exact.across[1:][::-1], recall[:-1])
    np.testing.assert_allclose(exact.up[1:][::-1], precision[:-1])


def test_there_is_no_curve_of_rows_that_are_all_alike() -> None:
    assert roc(np.arange(3.0), np.ones(3, dtype=bool)) is None
    assert roc(np.arange(3.0), np.zeros(3, dtype=bool)) is None
    assert precision_recall(np.arange(3.0), np.zeros(3, dtype=bool)) is None
