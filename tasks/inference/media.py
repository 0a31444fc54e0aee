"""Decoding images and sounds from what datasets store: encoded bytes, or a path to them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

FROM = ("file", "hf", "zip", "tar", "gzip", "bz2", "xz", "zstd", "s3", "gs", "gcs", "abfs", "memory")
"""Where a dataset's own files lie, and what they may be packed in."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
MOST_SAMPLES = 500_000_000
"""Of all channels together: nearly three hours of 48 kHz, almost nine of 16 kHz; 2 GB as they are decoded."""


def encoded(value: Mapping[str, Any]) -> bytes:
    """Return the encoded bytes of an undecoded media value, `{"bytes": …, "path": …}`.

    Raises:
        ValueError: The value is empty, or lies elsewhere than in a dataset's own files.

    >>> encoded({"bytes": b"x", "path": None})
    b'x'
    """
    if value is None:
        raise ValueError("the value is empty")
    if value.get("bytes") is not None:
        return bytes(value["bytes"])
    if value.get("path"):
        import fsspec

        # Rows may not make this machine ask other addresses, which may lie within its own network.
        foreign = [each for each in _SCHEME.findall(str(value["path"])) if each.lower() not in FROM]
        if foreign:
            raise ValueError(f"the value is a {foreign[0]} address, not one of the dataset's own files")
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

    with soundfile.SoundFile(io.BytesIO(encoded(value))) as opened:
        # Silence packs a thousandfold: what a file unpacks to says nothing about its size.
        if opened.frames * opened.channels > MOST_SAMPLES:
            hours = opened.frames / opened.samplerate / 3600
            raise ValueError(
                f"the sound is {hours:.1f} hours of {opened.channels} channels, too long to hold in memory"
            )
        rate = opened.samplerate
        samples = opened.read(dtype="float32", always_2d=True)
    return samples.mean(axis=1), int(rate)
