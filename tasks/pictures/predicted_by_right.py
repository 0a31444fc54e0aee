"""Predicted against right numbers: bias, spread and outliers at one look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.canvas import BLUE, GREY, framed, nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY = 3000
"""Rows from which on places are shaded by how many lie there."""


def predicted_by_right(
    predictions: NDArray[np.float64], references: NDArray[np.float64], title: str
) -> Figure:
    """Draw each row's predicted number by its right one, both shape (rows,), with the line of no error."""
    known = np.isfinite(predictions) & np.isfinite(references)
    predictions, references = predictions[known], references[known]
    if not len(references):
        return nothing(title, "no numbers")
    figure, axes = framed(5.4, 5.0, title)
    low = float(min(predictions.min(), references.min()))
    high = float(max(predictions.max(), references.max()))
    axes.plot([low, high], [low, high], color=GREY, linestyle=":", linewidth=1, label="no error")
    if len(references) >= MANY:
        shades = axes.hexbin(references, predictions, gridsize=40, mincnt=1, bins="log", cmap="Blues")
        figure.colorbar(shades, ax=axes, label="rows", shrink=0.8)
    else:
        axes.scatter(references, predictions, s=14, color=BLUE, alpha=0.5, linewidths=0, rasterized=True)
    axes.set_xlabel("right")
    axes.set_ylabel("predicted")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    return figure
