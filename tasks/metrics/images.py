"""Pictures as arrays of numbers, with the range of those numbers always stated.

A picture is a PIL image, a NumPy array or a nested list, of shape (height, width) or (height, width,
channels), or an encoded file as datasets store it: bytes, or `{"bytes": …, "path": …}`. Its range is 255 for
8-bit pixels; for anything else it has to be given, because a guess from the values themselves gives another
score for a dark picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums

CHANNELS = (1, 3, 4)


def opened(given: Any, row: int) -> Any:
    """Return an encoded picture as a PIL image, and any other as it is.

    Raises:
        BadEvaluation: The file cannot be read.
    """
    if isinstance(given, Mapping):
        given = given.get("bytes") or Path(str(given.get("path")))
    if not isinstance(given, (bytes, Path)):
        return given
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(given) if isinstance(given, bytes) else given)
        picture.load()
    except (OSError, UnidentifiedImageError) as error:
        raise BadEvaluation(f"The picture of row {row} cannot be read: {error}") from error
    return picture


def pixels(picture: Any, row: int) -> np.ndarray:
    """Return one picture as an array of shape (height, width, channels), its numbers as they are.

    Raises:
        BadEvaluation: It is no picture, or holds NaN or infinity.

    >>> pixels(np.zeros((2, 3), dtype=np.uint8), 0).shape
    (2, 3, 1)
    """
    picture = opened(picture, row)
    if hasattr(picture, "getbands") and picture.mode not in {"L", "RGB", "RGBA", "I", "F", "I;16"}:
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number):
        raise BadEvaluation(f"The picture of row {row} holds {array.dtype}, not numbers.")
    if array.ndim != 3 or array.shape[-1] not in CHANNELS or 0 in array.shape:
        raise BadEvaluation(
            f"The picture of row {row} has the shape {array.shape}; a picture is "
            "(height, width) or (height, width, channels) with 1, 3 or 4 channels."
        )
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise BadEvaluation(f"The picture of row {row} holds NaN or infinity.")
    return array


def pairs(
    predictions: Sequence[Any], references: Sequence[Any], data_range: float | None
) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    """Yield predicted and reference pictures as float64 with their range.

    Raises:
        BadEvaluation: Lengths or sizes differ, a range is missing, or a value lies outside of it.
    """
    check_lengths(predictions, references)
    if data_range is not None and not (np.isfinite(data_range) and data_range > 0):
        raise BadEvaluation(f"data_range is the range of the pixels, above 0, and {data_range} is not.")
    for row, (predicted, right) in enumerate(zip(predictions, references, strict=True)):
        one, other = pixels(predicted, row), pixels(right, row)
        if one.shape != other.shape:
            raise BadEvaluation(
                f"The pictures of row {row} differ in size: predicted {_size(one)}, right {_size(other)}; "
                "resize one of them first."
            )
        span = data_range
        if span is None:
            if one.dtype != np.uint8 or other.dtype != np.uint8:
                raise BadEvaluation(
                    f"The pictures of row {row} hold {one.dtype} and {other.dtype}; give data_range, as 1.0 "
                    "for pixels from 0 to 1 (it is known for 8-bit pixels only)."
                )
            span = 255.0
        left, opposite = one.astype(np.float64), other.astype(np.float64)
        spread = max(left.max(), opposite.max()) - min(left.min(), opposite.min())
        if spread > span * (1 + 1e-9):
            raise BadEvaluation(
                f"The pixels of row {row} range over {spread:g}, more than data_range {span:g}."
            )
        yield left, opposite, span


def _size(array: np.ndarray) -> str:
    height, width, channels = array.shape
    return f"{width} x {height} with {channels} channel{'s' if channels > 1 else ''}"


def mean_of_rows(
    key: str, values: Sequence[float], *, higher_is_better: bool, tags: dict[str, str] | None = None
) -> Measurement:
    """Return the mean of one value a row; infinite where a row's is.

    >>> measured = mean_of_rows("psnr", [1.0, 3.0], higher_is_better=True)
    >>> float(measured.score(measured.statistics.total())["psnr"])
    2.0
    """
    array = np.asarray(values, dtype=np.float64)
    endless = np.isinf(array)
    # Infinity is counted, not added: nought times infinity would make a sample that lacks the row undefined.
    columns = np.stack(
        [np.where(endless, 0.0, array), np.ones(len(array)), endless.astype(np.float64)], axis=1
    )

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        mean = totals[..., 0] / totals[..., 1]
        return {key: np.where(totals[..., 2] > 0, np.inf, mean)}

    return Measurement(Sums(columns), score, {key: higher_is_better}, tags=tags or {})
