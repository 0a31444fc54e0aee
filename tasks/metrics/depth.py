"""Depth maps: errors of predicted distances, pixel by pixel.

A map is an array, or a picture of one number a pixel, of shape (height, width). Pixels whose right depth is
missing (0, NaN, infinite) or beyond `most` count for nothing. Scores are means over maps of each map's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.images import opened
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums

Fit = Literal["none", "median", "disparity"]
DIRECTIONS = {
    "abs_rel": False,
    "depth_rmse": False,
    "depth_log_rmse": False,
    "delta_1": True,
    "delta_2": True,
    "delta_3": True,
}
_NEAR = 1.25
_NEAREST = 1e-3


def depth_errors(
    predictions: Sequence[Any],
    references: Sequence[Any],
    unit: float = 1.0,
    most: float | None = None,
    fit: Fit = "none",
) -> Measurement:
    """Errors of depth: the mean error as a share of the right depth, 0 or more; lower is better.

    Keys: `abs_rel` (|predicted - right| / right), `depth_rmse` (in the predictions' unit), `depth_log_rmse`
    (of natural logarithms), and the shares of pixels off by a factor below 1.25, 1.25² and 1.25³: `delta_1`,
    `delta_2`, `delta_3`, higher is better. With a fit all end in its name.

    Args:
        predictions: Maps of depth, or of disparity where that is fitted.
        references: The right maps, each of its prediction's size.
        unit: What a reference is divided by to have the predictions' unit: 1000 for millimetres and metres.
        most: The farthest right depth that counts, in the predictions' unit; predictions are cut to it.
        fit: `none` for models that give metres; `median` scales each map to the median of the right one;
            `disparity` fits scale and shift of the inverse depth by least squares, for models that give
            depth without a scale, near pixels the higher numbers.

    Source: Eigen, Puhrsch and Fergus (2014); the fit: Ranftl et al. (2020). Trap: others pool pixels over all
    maps.

    >>> measured = depth_errors([[[1.0, 3.0]]], [[[2.0, 3.0]]])
    >>> float(measured.score(measured.statistics.total())["abs_rel"])
    0.25
    """
    check_lengths(predictions, references)
    if not unit > 0 or (most is not None and not most > 0):
        raise BadEvaluation(f"unit and most are above 0, and unit is {unit} and most {most}.")
    rows = []
    for row, (given, wanted) in enumerate(zip(predictions, references, strict=True)):
        predicted, right = _map(given, row), _map(wanted, row) / unit
        if predicted.shape != right.shape:
            raise BadEvaluation(
                f"The maps of row {row} differ in size: predicted {predicted.shape}, right {right.shape}."
            )
        known = np.isfinite(right) & (right > 0) & (right <= (np.inf if most is None else most))
        if not known.any():
            raise BadEvaluation(f"No pixel of the map of row {row} has a right depth that counts.")
        fitted = _fitted(predicted[known], right[known], fit)
        rows.append(_errors(np.clip(fitted, _NEAREST, most), right[known]))
    keys = {key if fit == "none" else f"{key}_{fit}": higher for key, higher in DIRECTIONS.items()}
    columns = np.concatenate([np.array(rows), np.ones((len(rows), 1))], axis=1)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {key: totals[..., number] / totals[..., -1] for number, key in enumerate(keys)}

    return Measurement(Sums(columns), score, keys)


def _errors(predicted: FloatArray, right: FloatArray) -> list[float]:
    logs = np.log(predicted) - np.log(right)
    factor = np.exp(np.abs(logs))
    return [
        float(np.mean(np.abs(predicted - right) / right)),
        float(np.sqrt(np.mean((predicted - right) ** 2))),
        float(np.sqrt(np.mean(logs**2))),
        *(float(np.mean(factor < _NEAR**power)) for power in (1, 2, 3)),
    ]


def _fitted(predicted: FloatArray, right: FloatArray, fit: Fit) -> FloatArray:
    if fit == "median":
        middle = float(np.median(predicted))
        return predicted * float(np.median(right)) / middle if middle > 0 else predicted
    if fit == "disparity":
        columns = np.stack([predicted, np.ones(len(predicted))], axis=1)
        found, *_ = np.linalg.lstsq(columns, 1 / right, rcond=None)
        # An inverse depth of 0 or less is beyond all that is known of the map.
        return np.asarray(1 / np.maximum(columns @ found, 1 / (2 * right.max())))
    return predicted


def _map(given: Any, row: int) -> FloatArray:
    array = np.asarray(opened(given, row))
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.number):
        raise BadEvaluation(
            f"The map of row {row} has the shape {array.shape} and holds {array.dtype}; a depth map is "
            "(height, width) of numbers."
        )
    return array.astype(np.float64)
