"""Pictures of results: legible in light and dark, and to the colour-blind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.inference import media

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

MOST_LABELS = 25
NUMBERED = 15
"""Up to this many labels every cell bears its count."""
THUMBNAIL = 160


def confusion_matrix(labels: Sequence[str], matrix: NDArray[np.int64], title: str) -> Figure:
    """Draw a confusion matrix, rows the right labels, shaded by the share of each row.

    Args:
        labels: Names, in the matrix's order.
        matrix: Counts, shape (labels, labels), right by predicted.
        title: The model's name.

    With more than 25 labels, the 25 with the most mistakes are shown.
    """
    from matplotlib.figure import Figure

    wrong = matrix.sum(1) + matrix.sum(0) - 2 * np.diag(matrix)
    if len(labels) > MOST_LABELS:
        kept = np.sort(np.argsort(-wrong, kind="stable")[:MOST_LABELS])
        labels, matrix = [labels[each] for each in kept], matrix[np.ix_(kept, kept)]
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = 2.4 + 0.42 * max(len(labels), 4)
    figure = Figure(figsize=(side + 1.2, side), dpi=110, facecolor="white", layout="constrained")
    axes = figure.subplots()
    shades = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    axes.set_title(title, fontsize=11)
    figure.colorbar(shades, ax=axes, label="share of the row", shrink=0.8)
    if len(labels) <= NUMBERED:
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                shade = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=shade, fontsize=8)
    return figure


def grid(drawn: Sequence[bytes], side: int = 192) -> Image.Image:
    """Lay encoded pictures out in a grid about as wide as it is high, each within a square of pixels."""
    from PIL import Image

    across = math.ceil(math.sqrt(len(drawn)))
    sheet = Image.new("RGB", (across * side, math.ceil(len(drawn) / across) * side), "white")
    for number, each in enumerate(drawn):
        picture = media.image({"bytes": each})
        picture.thumbnail((side - 4, side - 4))
        sheet.paste(picture, (number % across * side + 2, number // across * side + 2))
    return sheet


def thumbnail(value: Mapping[str, Any]) -> Any:
    """Return an undecoded image value as an MLflow image no larger than 160 pixels a side."""
    import mlflow

    picture = media.image(value)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return mlflow.Image(picture)
