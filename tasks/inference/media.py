"""Decoding images and sounds from what datasets store: encoded bytes, or a path to them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image


def encoded(value: Mapping[str, Any]) -> bytes:
    """Return the encoded bytes of an undecoded media value, `{"bytes": …, "path": …}`.

    Raises:
        ValueError: The value is empty.

    >>> encoded({"bytes": b"x", "path": None})
    b'x'
    """
    if value is None:
        raise ValueError("the value is empty")
    if value.get("bytes") is not None:
        return bytes(value["bytes"])
    if value.get("path"):
        import fsspec

        with fsspec.open(str(value["path"]), "rb") as opened:
            return bytes(opened.read())
    raise ValueError("the value holds neither bytes nor a path")


def image(value: Mapping[str, Any]) -> Image.Image:
    """Decode an image to RGB, turned as its EXIF data says."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(encoded(value))) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def stored(picture: Image.Image) -> dict[str, Any]:
    """Encode a picture without loss, as datasets store it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def sound(value: Mapping[str, Any], rate: int) -> NDArray[np.float32]:
    """Decode a sound to one channel at a sampling rate.

    Args:
        value: The undecoded audio value of a dataset.
        rate: Samples a second of the result; other rates are resampled with soxr at high quality.

    Returns:
        Samples in [-1, 1], shape (samples,).
    """
    import soxr

    mono, original = heard(value)
    if original != rate:
        mono = soxr.resample(mono, original, rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def heard(value: Mapping[str, Any]) -> tuple[NDArray[np.float32], int]:
    """Decode a sound to one channel, shape (samples,), at its own sampling rate, which is returned too."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(encoded(value)), dtype="float32", always_2d=True)
    return samples.mean(axis=1), int(rate)
