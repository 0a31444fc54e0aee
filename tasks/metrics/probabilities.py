"""Class probabilities: log loss, Brier score, calibration error, top-k accuracy.

Predictions are one probability a row (of the label named by `positive`; 1 where the labels are 0 and 1), a
mapping from label to probability a row (a label left out has 0), or a matrix whose columns `labels` names in
order (without it they are the labels that occur, sorted). Where they must be probabilities, those of a row
add up to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.distributions import distributions
from tasks.metrics.means import mean_of_rows, share_of_rows
from tasks.metrics.statistics import FloatArray, Sums


def log_loss(
    predictions: Sequence[Any],
    references: Sequence[Any],
    labels: Sequence[Any] | None = None,
    positive: Any = None,
) -> Measurement:
    """Mean negative natural logarithm of the right label's probability, 0 or more; 0 is perfect.

    Key: `log_loss`. A probability of 0 for the right label counts as the smallest number that the
    predictions' precision tells from 0 (2.2e-16, or 1.2e-7 in float32), so one such row adds up to 36.
    Reference: sklearn.metrics.log_loss.

    Raises:
        BadEvaluation: Predictions are no probabilities (logits, or some labels left out).
    """
    given = distributions(predictions, references, labels, positive).as_probabilities()
    of_right = given.matrix[np.arange(len(given.right)), given.right]
    clipped = np.clip(of_right, given.smallest, 1 - given.smallest)
    return mean_of_rows("log_loss", -np.log(clipped), higher_is_better=False)


def brier_score(
    predictions: Sequence[Any],
    references: Sequence[Any],
    labels: Sequence[Any] | None = None,
    positive: Any = None,
) -> Measurement:
    """Mean squared distance of the probabilities from what is right, 0 to 1, or to 2 for several labels.

    Key: `brier_score`. For two labels it is the squared error of one label's probability; for more, summed
    over labels. Source: Brier (1950). Reference: sklearn.metrics.brier_score_loss.

    Raises:
        BadEvaluation: Predictions are no probabilities (logits, or some labels left out).
    """
    given = distributions(predictions, references, labels, positive).as_probabilities()
    wanted = np.eye(len(given.labels))[given.right]
    distance = ((given.matrix - wanted) ** 2).sum(axis=1)
    return mean_of_rows(
        "brier_score", distance / 2 if len(given.labels) == 2 else distance, higher_is_better=False
    )


def expected_calibration_error(
    predictions: Sequence[Any],
    references: Sequence[Any],
    bins: int = 15,
    labels: Sequence[Any] | None = None,
    positive: Any = None,
) -> Measurement:
    """Gap between confidence and accuracy, averaged over bins of confidence by their rows, 0 to 1.

    Key: `expected_calibration_error`; the bins are in the `calibration` table. Confidence is the highest
    probability of a row; with one number a row it is the probability of the positive label, beside that
    label's share. Bins have equal width and hold their upper end. Of few rows the error comes out too high,
    the more so the more bins there are, and in bootstrap samples higher still, so its interval leans
    upwards. Source: Guo et al. (2017), On Calibration of Modern Neural Networks. Reference:
    torchmetrics.functional.calibration_error(norm="l1"), whose bins hold their lower end.

    Raises:
        BadEvaluation: Predictions are no probabilities, or there is no bin.
    """
    if bins < 1:
        raise BadEvaluation(f"A calibration error needs 1 bin or more, not {bins}.")
    given = distributions(predictions, references, labels, positive).as_probabilities()
    if given.binary:
        confidence, hit = given.matrix[:, 1], given.right == 1
    else:
        confidence, hit = given.matrix.max(axis=1), given.matrix.argmax(axis=1) == given.right
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    rows = np.arange(len(place))
    values = np.zeros((len(place), bins + 1))
    values[rows, place] = confidence - hit
    values[:, -1] = 1
    key = "expected_calibration_error"
    return Measurement(
        Sums(values),
        lambda totals: {key: np.abs(totals[..., :-1]).sum(-1) / totals[..., -1]},
        {key: False},
        details={"calibration": _calibration(edges, place, confidence, hit)},
    )


def _calibration(
    edges: FloatArray, place: np.ndarray, confidence: FloatArray, hit: np.ndarray
) -> list[dict[str, object]]:
    return [
        {
            "above": float(edges[each]),
            "to": float(edges[each + 1]),
            "rows": int((place == each).sum()),
            "confidence": float(confidence[place == each].mean()),
            "accuracy": float(hit[place == each].mean()),
        }
        for each in np.unique(place)
    ]


def top_k_accuracy(
    predictions: Sequence[Any],
    references: Sequence[Any],
    k: int = 5,
    labels: Sequence[Any] | None = None,
) -> Measurement:
    """Share of rows whose right label is among the k most probable, 0 to 1.

    Key: `top_5_accuracy` and so on, by `k`. Of equal numbers the label that comes first ranks first, as in
    argmax; the reference implementation puts the last first. Reference:
    sklearn.metrics.top_k_accuracy_score.

    Raises:
        BadEvaluation: There are no more labels than `k`, so that every row would be a hit.
    """
    given = distributions(predictions, references, labels)
    if not 1 <= k < len(given.labels):
        raise BadEvaluation(
            f"Of {len(given.labels)} labels, k can be 1 to {len(given.labels) - 1}, and {k} is not."
        )
    of_right = given.matrix[np.arange(len(given.right)), given.right][:, None]
    before = np.arange(len(given.labels)) < given.right[:, None]
    rank = ((given.matrix > of_right) | ((given.matrix == of_right) & before)).sum(axis=1)
    return share_of_rows(f"top_{k}_accuracy", rank < k)
