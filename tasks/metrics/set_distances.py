"""Distances between two sets of pictures, in the eyes of an encoder: Fréchet's and the kernel distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import visual_features
from tasks.metrics.contract import Measurement
from tasks.metrics.statistics import FloatArray, Weighted
from tasks.metrics.visual_features import Encoder

_WORK = 2e11
"""Multiplications that an interval may cost: some ten seconds."""

_PAIRS = 10_000


def frechet_distance(
    predictions: Sequence[Any],
    references: Sequence[Any],
    encoder: Encoder | None = None,
    revision: str | None = None,
    batch_size: int = 32,
    device: str = "auto",
) -> Measurement:
    """Squared distance of normal distributions fitted to two sets' features, at least 0; lower is better.

    Key: `frechet_distance_<encoder>`, or `frechet_distance` for features that are given. It is FID where the
    encoder is the Inception network that papers use, and compares only to scores of the same encoder.

    Args:
        predictions: Generated pictures (8 bits), or rows of features where there is no encoder.
        references: Real pictures, or rows of features; there need not be as many.
        encoder: A vision model's folder or Hub id, or a function from pictures to rows of features.
        revision: A branch, tag or commit of a Hub model.
        batch_size: Pictures encoded together.
        device: auto, cpu, cuda, cuda:1 or mps.

    In double precision, with the sample covariance. The interval draws generated pictures against fixed
    references and is the spread of the samples around the score. Source: Heusel et al. (2017). Reference:
    torchmetrics. Traps: it is biased upwards for few pictures (the tags say how many), so compare equal
    numbers; how pictures were resized and compressed moves it.
    """
    one, other, made = _features(predictions, references, encoder, revision, batch_size, device)
    centre = other.mean(axis=0)
    one, other = one - centre, other - centre
    spread = np.linalg.qr(other, mode="r") / np.sqrt(len(other) - 1)
    seen = one @ spread.T
    length = (one**2).sum(axis=1)
    known = float((spread**2).sum())
    key = visual_features.key("frechet_distance", encoder)

    def distance(weights: FloatArray, *, exact: bool) -> float:
        rows = weights.sum()
        mean = weights @ one / rows
        # The trace of the root of S T is the sum of the singular values of the root of S times that of T.
        shared = (seen - mean @ spread.T) * np.sqrt(weights / (rows - 1))[:, None]
        if exact:
            overlap = float(np.linalg.svd(shared, compute_uv=False).sum())
        else:
            square = shared.T @ shared if shared.shape[0] >= shared.shape[1] else shared @ shared.T
            overlap = float(np.sqrt(np.maximum(np.linalg.eigvalsh(square), 0)).sum())
        own = float((weights @ length - rows * mean @ mean) / (rows - 1))
        return max(float(mean @ mean) + own + known - 2 * overlap, 0.0)

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        if weights.ndim == 1:
            return {key: np.asarray(distance(weights, exact=True))}
        return {key: np.array([distance(each, exact=False) for each in weights])}

    small, large = sorted(seen.shape)
    steps = small**2 * large + 10 * small**3
    return Measurement(
        Weighted.every(len(one)),
        score,
        {key: False},
        tags={key: made},
        most_resamples=max(30, int(_WORK // steps)),
        centred=True,
    )


def kernel_distance(
    predictions: Sequence[Any],
    references: Sequence[Any],
    encoder: Encoder | None = None,
    revision: str | None = None,
    batch_size: int = 32,
    device: str = "auto",
) -> Measurement:
    """Squared maximum mean discrepancy of two sets' features, about 0 for sets alike; lower is better.

    Key: `kernel_distance_<encoder>`, or `kernel_distance` for features that are given: KID where the encoder
    is the Inception network. The kernel is (x·y / features + 1)³. The estimate is unbiased, also for few
    pictures, and so may be below 0. Arguments as for `frechet_distance`; at most 10,000 pictures a set, since
    all pairs are compared.

    The interval draws generated pictures against fixed references. Source: Bińkowski et al. (2018).
    Reference: torchmetrics, over all pictures at once where it takes the mean over random subsets.
    """
    one, other, made = _features(predictions, references, encoder, revision, batch_size, device)
    if max(len(one), len(other)) > _PAIRS:
        raise BadEvaluation(
            f"The kernel distance compares all pairs and takes at most {_PAIRS} pictures a set; there are "
            f"{len(one)} and {len(other)}: take a sample, or the Fréchet distance."
        )
    key = visual_features.key("kernel_distance", encoder)
    among = _kernel(one, one)
    np.fill_diagonal(among, 0.0)
    theirs = _kernel(other, other)
    there = len(other)
    within = float((theirs.sum() - np.trace(theirs)) / (there * (there - 1)))
    across = _kernel(one, other).mean(axis=1)

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        rows = weights.sum(-1)
        # A picture drawn twice is no pair: pairs of different pictures alone keep the score unbiased.
        pairs = rows**2 - (weights**2).sum(-1)
        own = ((weights @ among) * weights).sum(-1)
        own = np.divide(own, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
        return {key: np.asarray(own + within - 2 * (weights @ across) / rows)}

    return Measurement(
        Weighted.every(len(one)),
        score,
        {key: False},
        tags={key: made},
        most_resamples=max(100, int(_WORK // len(one) ** 2)),
    )


def _kernel(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray((one @ other.T / one.shape[1] + 1) ** 3)


def _features(
    predictions: Sequence[Any],
    references: Sequence[Any],
    encoder: Encoder | None,
    revision: str | None,
    batch: int,
    device: str,
) -> tuple[FloatArray, FloatArray, str]:
    if len(predictions) < 2 or len(references) < 2:
        raise BadEvaluation(
            f"A distance between sets needs at least 2 pictures in each; there are "
            f"{len(predictions)} predicted and {len(references)} right."
        )
    one, made = visual_features.vectors(predictions, encoder, revision, batch, device)
    other, _ = visual_features.vectors(references, encoder, revision, batch, device)
    if one.shape[1] != other.shape[1]:
        raise BadEvaluation(
            f"The sets have {one.shape[1]} and {other.shape[1]} features; both need the same encoder."
        )
    few = ", fewer pictures than features" if min(len(one), len(other)) <= one.shape[1] else ""
    return one, other, f"{made}: {len(one)} against {len(other)} pictures, {one.shape[1]} features{few}"
