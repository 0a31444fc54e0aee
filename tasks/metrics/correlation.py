"""Correlation: of numbers, and of their ranks, as for semantic similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ranks import Order, RisingPairs
from tasks.metrics.regression import middle
from tasks.metrics.shapes import numbers
from tasks.metrics.statistics import FloatArray, Sums, Weighted


def _columns(predictions: Sequence[Any], references: Sequence[Any]) -> tuple[FloatArray, FloatArray]:
    given, wanted = numbers(predictions, references)
    if given.shape[1] != 1:
        raise BadEvaluation(f"A correlation is of one number a row, and these rows have {given.shape[1]}.")
    return given[:, 0], wanted[:, 0]


def pearsonr(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Linear correlation of predicted and right numbers, -1 to 1; undefined (NaN) where either is constant.

    Key: `pearsonr`. One far value can make or break it. Source: Pearson (1895). Reference:
    scipy.stats.pearsonr.
    """
    given, wanted = _columns(predictions, references)
    x, y = (each - middle(each[:, None])[0] for each in (given, wanted))
    # Of one size, so that neither's squares run out of range.
    x, y = (each / (np.abs(each).max() or 1.0) for each in (x, y))
    values = np.stack([x, y, x * x, y * y, x * y, np.ones(len(x))], axis=1)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        sx, sy, sxx, syy, sxy, rows = (totals[..., each] for each in range(6))
        spread_x, spread_y = sxx - sx * sx / rows, syy - sy * sy / rows
        varies = (spread_x > 1e-12 * sxx) & (spread_y > 1e-12 * syy)
        return {"pearsonr": _correlation(sxy - sx * sy / rows, spread_x, spread_y, varies)}

    return Measurement(Sums(values), score, {"pearsonr": True})


def spearmanr(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Linear correlation of ranks, -1 to 1: how well one rises with the other; NaN where either is constant.

    Key: `spearmanr`. Equal numbers share the mean of their ranks. Source: Spearman (1904). Reference:
    scipy.stats.spearmanr.
    """
    given, wanted = _columns(predictions, references)
    first, second = Order(given), Order(wanted)

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        rows = weights.sum(-1)
        middle_rank = ((rows + 1) / 2)[..., None]
        x, y = first.ranks(weights) - middle_rank, second.ranks(weights) - middle_rank
        weighted = weights * x
        spread_x, spread_y = (weighted * x).sum(-1), (weights * y * y).sum(-1)
        varies = (spread_x > 0) & (spread_y > 0)
        return {"spearmanr": _correlation((weighted * y).sum(-1), spread_x, spread_y, varies)}

    return Measurement(Weighted.every(len(given)), score, {"spearmanr": True})


def kendalltau(predictions: Sequence[Any], references: Sequence[Any]) -> Measurement:
    """Pairs of rows in the same order less those in opposite order, -1 to 1; NaN where either is constant.

    Key: `kendalltau`. It is tau-b, which allows for ties. Source: Kendall (1945). Reference:
    scipy.stats.kendalltau.
    """
    given, wanted = _columns(predictions, references)
    first, second = Order(given), Order(wanted)
    both = Order(np.unique(np.stack([given, wanted]), axis=1, return_inverse=True)[1].astype(np.float64))
    rising = RisingPairs(given, wanted)

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        rows = np.asarray(weights.sum(-1))
        pairs = rows * (rows - 1) / 2
        x, y = first.tied_pairs(weights), second.tied_pairs(weights)
        apart = pairs - x - y + both.tied_pairs(weights)
        varies = (pairs > x) & (pairs > y)
        return {
            "kendalltau": _correlation(
                2 * rising.count(np.atleast_2d(weights)).reshape(rows.shape) - apart,
                pairs - x,
                pairs - y,
                varies,
            )
        }

    return Measurement(Weighted.every(len(given)), score, {"kendalltau": True})


def _correlation(
    shared: FloatArray, spread_x: FloatArray, spread_y: FloatArray, varies: np.ndarray
) -> FloatArray:
    shared = np.asarray(shared)
    below = np.sqrt(np.maximum(spread_x, 0)) * np.sqrt(np.maximum(spread_y, 0))
    found = np.divide(shared, below, out=np.full(shared.shape, np.nan), where=varies & (below > 0))
    return np.asarray(np.clip(found, -1, 1))
