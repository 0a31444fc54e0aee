"""Contact sheets: generated pictures beside each other, and small versions of one."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.inference import media

if TYPE_CHECKING:
    from PIL import Image

THUMBNAIL = 160


def grid(drawn: Sequence[bytes], side: int = 192) -> Image.Image:
    """Lay encoded pictures out in a grid about as wide as it is high, each within a square of pixels."""
    from PIL import Image

    across = max(1, math.ceil(math.sqrt(len(drawn))))
    sheet = Image.new("RGB", (across * side, max(1, math.ceil(len(drawn) / across)) * side), "white")
    for number, each in enumerate(drawn):
        picture = media.image({"bytes": each})
        picture.thumbnail((side - 4, side - 4))
        sheet.paste(picture, (number % across * side + 2, number // across * side + 2))
    return sheet


def encoded(drawn: Sequence[bytes]) -> bytes:
    """Return the grid of encoded pictures as a PNG."""
    buffer = io.BytesIO()
    grid(drawn).save(buffer, format="PNG")
    return buffer.getvalue()


def small(value: Mapping[str, Any], side: int = THUMBNAIL) -> Image.Image:
    """Return an undecoded image value as a picture no larger than some pixels a side."""
    picture = media.image(value)
    picture.thumbnail((side, side))
    return picture


def webp(picture: Image.Image) -> bytes:
    """Encode a picture for a page: small, and every browser shows it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=80)
    return buffer.getvalue()


def thumbnail(value: Mapping[str, Any]) -> Any:
    """Return an undecoded image value as an MLflow image no larger than 160 pixels a side."""
    import mlflow

    return mlflow.Image(small(value))
