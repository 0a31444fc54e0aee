"""Perceptual distance: how differently a vision model sees two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import visual_features
from tasks.metrics.contract import Measurement
from tasks.metrics.images import mean_of_rows
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray
from tasks.metrics.visual_features import Encoder


def perceptual_distance(
    predictions: Sequence[Any],
    references: Sequence[Any],
    encoder: Encoder,
    revision: str | None = None,
    batch_size: int = 16,
    device: str = "auto",
) -> Measurement:
    """Squared distance of two pictures' unit features, the mean over places and layers, 0 to 4.

    Key: `perceptual_distance_<encoder>`; lower is better, and scores of different encoders do not compare.
    At each place of each layer after the embedding, features are scaled to length 1 and their squared
    differences summed; the mean is over places, then layers, then rows. It is LPIPS without learned weights.

    Args:
        predictions: Pictures of 8 bits.
        references: Pictures of 8 bits.
        encoder: A vision model's folder or Hub id, or a function from pictures to, for each of them, its
            layers of shape (places, features).
        revision: A branch, tag or commit of a Hub model.
        batch_size: Pictures encoded together.
        device: auto, cpu, cuda, cuda:1 or mps.

    Source: Zhang et al. (2018), The Unreasonable Effectiveness of Deep Features. Trap: the image processor
    resizes both pictures to what the model takes, so detail below that is not seen.
    """
    check_lengths(predictions, references)
    key = visual_features.key("perceptual_distance", encoder)
    made = visual_features.pin(encoder, revision, device)
    values: list[float] = []
    seen = (
        visual_features.layers(pictures, encoder, revision, batch_size, device)
        for pictures in (predictions, references)
    )
    for found, right in zip(*seen, strict=True):
        values += [_distance(one, other) for one, other in zip(found, right, strict=True)]
    return mean_of_rows(key, values, higher_is_better=False, tags={key: made})


def _distance(one: Sequence[FloatArray], other: Sequence[FloatArray]) -> float:
    if [layer.shape for layer in one] != [layer.shape for layer in other]:
        raise BadEvaluation(
            "Two pictures of a row have features of different shapes; resize one of them first."
        )
    return float(
        np.mean([((_unit(a) - _unit(b)) ** 2).sum(axis=1).mean() for a, b in zip(one, other, strict=True)])
    )


def _unit(features: FloatArray) -> FloatArray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(np.divide(features, length, out=np.zeros_like(features), where=length > 0))
