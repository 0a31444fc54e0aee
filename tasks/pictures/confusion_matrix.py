"""Confusion matrix: which label is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.canvas import canvas, headed, legible_names, nothing, thousands

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LABELS = 25
NUMBERED = 15
"""Up to this many labels every cell bears its count."""


def most_mistaken(matrix: NDArray[np.int64], most: int = MOST_LABELS) -> NDArray[np.int64]:
    """Return the positions of the labels with the most mistakes, in their order.

    >>> most_mistaken(np.array([[5, 0, 0], [0, 1, 3], [0, 2, 9]]), 2)
    array([1, 2])
    """
    wrong = matrix.sum(1) + matrix.sum(0) - 2 * np.diag(matrix)
    return np.sort(np.argsort(-wrong, kind="stable")[:most])


def confusion_matrix(labels: Sequence[str], matrix: NDArray[np.int64], title: str) -> Figure:
    """Draw a confusion matrix, rows the right labels, shaded by the share of each row.

    Args:
        labels: Names, in the matrix's order.
        matrix: Counts, shape (labels, labels), right by predicted.
        title: The model's name.

    With more than 25 labels, the 25 with the most mistakes are shown.
    """
    if not len(labels):
        return nothing(title, "no labels")
    every = len(labels)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    if every > MOST_LABELS:
        kept = most_mistaken(matrix)
        labels, matrix, share = (
            [labels[each] for each in kept],
            matrix[np.ix_(kept, kept)],
            share[np.ix_(kept, kept)],
        )
    names = legible_names(labels)
    side = 2.4 + 0.42 * max(len(names), 4)
    figure = canvas(side + 1.2, side)
    axes = figure.subplots()
    shades = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    headed(figure, title)
    if every > len(names):
        figure.supxlabel(f"the {len(names)} of {every} labels with the most mistakes", fontsize=9)
    figure.colorbar(shades, ax=axes, label="share of the row", shrink=0.8)
    if len(names) <= NUMBERED:
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                shade = "white" if share[row, column] > 0.5 else "black"
                axes.text(
                    column, row, thousands(float(count)), ha="center", va="center", color=shade, fontsize=8
                )
    return figure
