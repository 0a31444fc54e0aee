"""What the tests of media task types share: sounds and pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
from PIL import Image


def wave(samples: np.ndarray, rate: int = 16000) -> dict[str, Any]:
    """Encode a sound as datasets store it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return {"bytes": buffer.getvalue(), "path": None}


def noises(*lengths: int) -> list[np.ndarray]:
    """Return noise of several lengths in samples."""
    generator = np.random.default_rng(0)
    return [generator.normal(size=length).astype("float32") * 0.1 for length in lengths]


def png(pixels: np.ndarray | Image.Image) -> dict[str, Any]:
    """Encode a picture as datasets store it."""
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def pictures(count: int, width: int = 48, height: int = 40) -> list[np.ndarray]:
    """Return pictures of noise, each with a patch of one colour."""
    generator = np.random.default_rng(0)
    made = generator.integers(0, 255, size=(count, height, width, 3), dtype=np.uint8)
    for number, picture in enumerate(made):
        picture[4 : 20 + number, 6 : 24 + 2 * number] = generator.integers(0, 255, size=3)
    return list(made)
