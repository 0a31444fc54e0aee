"""Pairwise significance matrix: which models these rows tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.canvas import BLACK, GREY, canvas, headed, legible, legible_names, nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGNIFICANT = 0.05
MOST_MODELS = 30
WRITTEN = 14
"""Up to this many models every cell bears its difference."""


def pairwise(
    names: Sequence[str],
    differences: NDArray[np.float64],
    p_values: NDArray[np.float64],
    key: str,
    title: str,
    *,
    higher_is_better: bool = True,
) -> Figure:
    """Draw how much better the model of a row is than that of a column, ≈ where that could be chance.

    Args:
        names: The models.
        differences: Score of the row's model minus that of the column's, shape (models, models); NaN where
            the two were not compared.
        p_values: Of the test that both are equally good, corrected for several comparisons; same shape.
        key: The score's key.
        title: What was evaluated.
        higher_is_better: The score's direction.

    Of more than 30 models the first 30 are drawn.
    """
    every = len(names)
    names, kept = names[:MOST_MODELS], slice(MOST_MODELS)
    differences, p_values = differences[kept, kept], p_values[kept, kept]
    if every < 2:
        return nothing(title, "one model: nothing to compare")
    shown = legible_names(names, 24)
    gain = differences if higher_is_better else -differences
    told = np.isfinite(differences) & (p_values < SIGNIFICANT)
    reach = float(np.abs(gain[told]).max()) if told.any() else 1.0
    side = 2.6 + (0.62 if len(names) <= WRITTEN else 0.34) * max(len(names), 3)
    figure = canvas(side + 1.6, side)
    axes = figure.subplots()
    axes.set_facecolor("#F4F4F4")
    shades = axes.imshow(np.where(told, gain, np.nan), cmap="PuOr_r", vmin=-reach, vmax=reach)
    axes.set_xticks(range(len(names)), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), shown)
    axes.set_xlabel("than")
    headed(figure, title if every <= MOST_MODELS else f"the first {MOST_MODELS} of {every} models · {title}")
    if len(names) <= WRITTEN:
        for (row, column), value in np.ndenumerate(differences):
            if row == column or not np.isfinite(value):
                axes.text(column, row, "–", ha="center", va="center", color=GREY)
            elif told[row, column]:
                dark = abs(gain[row, column]) > 0.62 * reach
                axes.text(
                    column, row, f"{value:+.3f}", ha="center", va="center", fontsize=8,
                    color="white" if dark else BLACK,
                )  # fmt: skip
            else:
                axes.text(column, row, f"≈\n{value:+.3f}", ha="center", va="center", fontsize=8, color=GREY)
    figure.colorbar(shades, ax=axes, shrink=0.8, label="row worse  ←  →  row better")
    figure.supxlabel(
        f"{legible(key)}: the row's minus the column's\n"
        f"≈ could be chance (p ≥ {SIGNIFICANT:g}, Holm) · – not compared",
        fontsize=8,
        color=GREY,
    )
    return figure
