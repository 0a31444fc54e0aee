"""Overlays: what was right and what was predicted, drawn on the picture it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.inference import media

RIGHT, PREDICTED = (0, 158, 115), (213, 94, 0)
"""Told apart by the colour-blind too."""


def with_boxes(
    image: Mapping[str, Any], groups: Sequence[tuple[Sequence[Sequence[float]], tuple[int, int, int]]]
) -> dict[str, Any]:
    """Return an encoded image with boxes drawn on it.

    Args:
        image: The image, encoded or as a path.
        groups: Boxes as left, top, right, bottom in pixels, and their colour.
    """
    from PIL import ImageDraw

    picture = media.image(image)
    pen = ImageDraw.Draw(picture)
    width = max(2, max(picture.size) // 150)
    for boxes, colour in groups:
        for left, top, right, bottom in boxes:
            corners = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
            pen.rectangle(corners, outline=colour, width=width)
    return media.stored(picture)


def coloured(classes: NDArray[Any]) -> dict[str, Any]:
    """Return a map of class numbers, shape (height, width), as an encoded picture of one colour a class."""
    from PIL import Image

    numbers = np.arange(256)
    # Steps through the hues that lie far apart for neighbouring numbers.
    hues = (numbers * 0.61803398875) % 1.0
    wheel = np.stack([np.clip(np.abs((hues * 6 + shift) % 6 - 3) - 1, 0, 1) for shift in (0, 4, 2)], axis=1)
    palette = (55 + 200 * wheel).astype(np.uint8)
    palette[0] = 0
    return media.stored(Image.fromarray(palette[np.asarray(classes) % 256]))
