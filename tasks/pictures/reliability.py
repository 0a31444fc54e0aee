"""Reliability diagram: whether a model is right as often as it is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.proportions import wilson
from tasks.pictures.canvas import BLUE, GREY, SKY, canvas, headed, nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10


def reliability(
    confidence: NDArray[np.float64], hits: NDArray[np.bool_], title: str, level: float = 0.95
) -> Figure:
    """Draw the share of right rows by confidence in ten bins, with Wilson intervals, above the rows in each.

    Args:
        confidence: Probability of the predicted label, shape (rows,).
        hits: Whether it is right, shape (rows,).
        title: The model's name.
        level: Confidence level of the intervals.
    """
    known = np.isfinite(confidence)
    confidence, hits = confidence[known], hits[known]
    if not len(confidence):
        return nothing(title, "no probabilities")
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    figure = canvas(5.4, 5.6)
    above, below = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    error = 0.0
    above.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="as often right as sure")
    for number in np.unique(place):
        inside = place == number
        share, sure = float(hits[inside].mean()), float(confidence[inside].mean())
        error += inside.mean() * abs(share - sure)
        low, high = wilson(int(hits[inside].sum()), int(inside.sum()), level)
        above.bar(edges[number], share, width=0.1, align="edge", color=SKY, alpha=0.45, edgecolor="white")
        above.plot([sure, sure], [low, high], color=BLUE, linewidth=1.6)
        above.plot(sure, share, marker="o", color=BLUE, markersize=5)
    below.hist(confidence, bins=edges, color=SKY, edgecolor="white")
    below.set_xlabel("confidence in the predicted label")
    below.set_ylabel("rows")
    above.set_ylabel(f"share right, {level * 100:g}% interval")
    above.set_xlim(-0.02, 1.02)
    above.set_ylim(0, 1.06)
    headed(figure, title)
    above.text(0.02, 0.95, f"expected calibration error {error:.3f}", transform=above.transAxes, fontsize=9)
    above.legend(loc="lower right", frameon=False, fontsize=9)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
