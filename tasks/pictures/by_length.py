"""Score by input length: whether long inputs fare worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.contract import Score
from tasks.pictures.canvas import BLUE, GREY, framed, legible, nothing, thousands

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BINS = 6
FEWEST_ROWS = 10


def length_bins(lengths: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the rows of each of up to six bins of about as many rows, from short to long.

    A bin has ten rows or more, and rows of one length are together.

    >>> [len(each) for each in length_bins(np.arange(24.0))]
    [12, 12]
    """
    count = max(1, min(MOST_BINS, len(lengths) // FEWEST_ROWS))
    if not len(lengths):
        return []
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, count + 1)[1:-1]))
    place = np.searchsorted(edges, lengths, side="left")
    return [np.flatnonzero(place == number) for number in np.unique(place)]


def by_length(
    spans: Sequence[tuple[float, float]], scores: Sequence[Score], name: str, unit: str, title: str
) -> Figure:
    """Draw a score in bins of input length, with intervals and the rows in each bin.

    Args:
        spans: Shortest and longest input of each bin.
        scores: The score of each bin's rows.
        name: The score's key.
        unit: What length is counted in.
        title: The model's name.
    """
    if not scores:
        return nothing(title, "no rows")
    figure, axes = framed(6.6, 3.8, title)
    labels = [
        f"{_number(low)} – {_number(high)}\n{thousands(score.n)} rows"
        if low < high
        else f"{_number(low)}\n{thousands(score.n)} rows"
        for (low, high), score in zip(spans, scores, strict=True)
    ]
    values = np.array([score.value for score in scores])
    axes.plot(range(len(values)), values, color=BLUE, marker="o", linewidth=1, alpha=0.9)
    for place, score in enumerate(scores):
        if score.low is not None and score.high is not None:
            axes.plot([place, place], [score.low, score.high], color=BLUE, linewidth=2)
        if np.isnan(score.value):
            axes.text(place, 0.02, "undefined", transform=axes.get_xaxis_transform(), ha="center", color=GREY)
    axes.set_xticks(range(len(values)), labels, fontsize=9)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xlabel(f"length of the input in {unit}")
    axes.set_ylabel(f"{legible(name)} {'↑' if scores[0].higher_is_better else '↓'}")
    axes.yaxis.grid(True, color="#E5E5E5")
    return figure


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 or value == int(value) else f"{value:.1f}"
