"""Fidelity of pictures to their references: signal-to-noise ratio and structural similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.images import mean_of_rows, pairs
from tasks.metrics.statistics import FloatArray

Window = Literal["gaussian", "uniform"]
_SCALES = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_SIGMA = 1.5


def psnr(
    predictions: Sequence[Any], references: Sequence[Any], data_range: float | None = None
) -> Measurement:
    """Peak signal-to-noise ratio in decibels, the mean over pictures; infinite where a picture is equal.

    Key: `psnr`, the mean of each picture's 10 log10(range² / mean squared error), higher is better.

    `data_range` is the range of the pixels: 255 where both are 8-bit, else it must be given. Pictures are PIL
    images or arrays of shape (height, width[, channels]), each pair of one size.
    Reference: skimage.metrics.peak_signal_noise_ratio. Trap: libraries that pool the error over all pictures
    before the logarithm give another number.

    >>> one, other = np.zeros((8, 8)), np.full((8, 8), 0.1)
    >>> measured = psnr([one], [other], data_range=1.0)
    >>> round(float(measured.score(measured.statistics.total())["psnr"]), 6)
    20.0
    """
    values = []
    for one, other, span in pairs(predictions, references, data_range):
        error = float(np.mean((one - other) ** 2))
        values.append(10 * np.log10(span**2 / error) if error else np.inf)
    return mean_of_rows("psnr", values, higher_is_better=True)


def ssim(
    predictions: Sequence[Any],
    references: Sequence[Any],
    data_range: float | None = None,
    window: Window = "gaussian",
    window_size: int | None = None,
) -> Measurement:
    """Structural similarity, -1 to 1, the mean over pictures.

    Key: `ssim`, or `ssim_uniform` with the uniform window; higher is better. Windows that reach over the
    border are left out; a coloured picture's is the mean of its channels'.

    `window` is `gaussian` (sigma 1.5, 11 pixels, the paper's) or `uniform` (7 pixels, or `window_size`), both
    with the population variance. `data_range` as for `psnr`.
    Source: Wang, Bovik, Sheikh and Simoncelli (2004). Reference: skimage.metrics.structural_similarity with
    use_sample_covariance=False (its own default is the uniform window and the sample variance).
    """
    size = _window_size(window, window_size)
    key = "ssim" if window == "gaussian" else "ssim_uniform"
    values = []
    for row, (one, other, span) in enumerate(pairs(predictions, references, data_range)):
        _check_extent(one, size, size, row, "SSIM")
        similarity, _ = _similarity(one, other, span, window, size)
        values.append(float(similarity.mean()))
    tags = {f"{key}.window": f"{window} of {size} pixels"}
    return mean_of_rows(key, values, higher_is_better=True, tags=tags)


def ms_ssim(
    predictions: Sequence[Any], references: Sequence[Any], data_range: float | None = None
) -> Measurement:
    """Multi-scale structural similarity over five scales, 0 to 1, the mean over pictures.

    Key: `ms_ssim`; higher is better. Gaussian window of 11 pixels, sigma 1.5; each scale halves the picture
    by the mean of 2 x 2 pixels, so a side has at least 176 pixels; a negative term counts as 0.
    `data_range` as for `psnr`. Source: Wang, Simoncelli and Bovik (2003). Reference: torchmetrics, scale by
    scale; as a whole its value differs in the sixth digit, because it keeps the padded border at the last.
    """
    size = _window_size("gaussian", None)
    least = size * 2 ** (len(_SCALES) - 1)
    values = []
    for row, (one, other, span) in enumerate(pairs(predictions, references, data_range)):
        _check_extent(one, least, size, row, "MS-SSIM over five scales")
        terms = []
        for scale in range(len(_SCALES)):
            if scale:
                one, other = _halved(one), _halved(other)
            similarity, contrast = _similarity(one, other, span, "gaussian", size)
            terms.append(float((similarity if scale == len(_SCALES) - 1 else contrast).mean()))
        values.append(float(np.prod(np.maximum(terms, 0) ** _SCALES)))
    return mean_of_rows("ms_ssim", values, higher_is_better=True)


def _window_size(window: Window, asked: int | None) -> int:
    if window == "gaussian":
        if asked not in (None, 11):
            raise BadEvaluation(
                f"The Gaussian window has 11 pixels; window_size {asked} needs window: uniform."
            )
        return 11
    size = 7 if asked is None else asked
    if size < 3 or size % 2 == 0:
        raise BadEvaluation(f"window_size is odd and at least 3, and {size} is not.")
    return size


def _check_extent(picture: FloatArray, least: int, size: int, row: int, name: str) -> None:
    height, width = picture.shape[:2]
    if min(height, width) < least:
        raise BadEvaluation(
            f"The picture of row {row} is {width} x {height}; {name} with a window of {size} pixels needs "
            f"at least {least} on each side."
        )


def _similarity(
    one: FloatArray, other: FloatArray, span: float, window: Window, size: int
) -> tuple[FloatArray, FloatArray]:
    """Return similarity, and its contrast and structure alone, at each place and channel."""
    margin = size // 2
    if window == "gaussian":
        weights = np.exp(-0.5 * (np.arange(-margin, margin + 1) / _SIGMA) ** 2)
    else:
        weights = np.ones(size)
    weights = weights / weights.sum()

    def local(values: FloatArray) -> FloatArray:
        from scipy.ndimage import correlate1d

        blurred = correlate1d(correlate1d(values, weights, axis=0), weights, axis=1)
        return np.asarray(blurred[margin:-margin, margin:-margin])

    mean_one, mean_other = local(one), local(other)
    # A variance is not negative, though the difference of two rounded numbers can be.
    variance = np.maximum(local(one**2) - mean_one**2, 0) + np.maximum(local(other**2) - mean_other**2, 0)
    covariance = local(one * other) - mean_one * mean_other
    steady, textured = (0.01 * span) ** 2, (0.03 * span) ** 2
    contrast = (2 * covariance + textured) / (variance + textured)
    light = (2 * mean_one * mean_other + steady) / (mean_one**2 + mean_other**2 + steady)
    return light * contrast, contrast


def _halved(picture: FloatArray) -> FloatArray:
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    even = picture[:height, :width]
    return np.asarray(even.reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3)))
