"""Clips of sound that fit in a page."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from tasks.inference import media

RATE = 16_000
MOST_SECONDS = 12


def clip(value: Mapping[str, Any], seconds: float = MOST_SECONDS) -> tuple[bytes, float]:
    """Return the beginning of an undecoded sound as MP3, one channel, and how many seconds all of it has."""
    import soundfile

    samples = media.sound(value, RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples[: int(seconds * RATE)], RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue(), len(samples) / RATE
