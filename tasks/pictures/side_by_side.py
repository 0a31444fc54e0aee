"""Metrics side by side: every score of every model, each metric on a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.metrics.contract import Score
from tasks.pictures.canvas import canvas, headed, legible, legible_names, nothing
from tasks.pictures.forest import dotted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_METRICS = 9
MOST_MODELS = 40
ACROSS = 3
TALLEST = 14.0
"""Inches of plots, which many models fill with fewer metrics."""


def side_by_side(names: Sequence[str], scores: Mapping[str, Sequence[Score | None]], title: str) -> Figure:
    """Draw one small plot a metric, with a dot and an interval a model.

    Args:
        names: The models, in the order they are drawn.
        scores: By score key, one score a model; None where a model has none of it. The first nine
            are drawn, of the first 40 models.
        title: What was evaluated.
    """
    if not names or not scores:
        return nothing(title, "no scores")
    names = names[:MOST_MODELS]
    high = 0.75 + 0.26 * len(names)
    keys = list(scores)[: min(MOST_METRICS, ACROSS * max(1, int(TALLEST / high)))]
    across = min(ACROSS, len(keys))
    down = -(-len(keys) // across)
    figure = canvas(2.2 + 2.9 * across, 0.8 + down * high)
    plots = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    undefined = Score(float("nan"), None, None, 0)
    for key, axes in zip(keys, plots, strict=False):
        axes.spines[["top", "right"]].set_visible(False)
        row = [score or undefined for score in scores[key][:MOST_MODELS]]
        dotted(axes, row, written=False)
        arrow = "↑" if row[0].higher_is_better else "↓"
        axes.set_title(f"{legible(key)} {arrow}", fontsize=10, loc="left")
        axes.tick_params(axis="x", labelsize=8)
        axes.locator_params(axis="x", nbins=4)
    plots[0].set_yticks(range(len(names)), legible_names(names))
    for axes in plots[len(keys) :]:
        axes.set_axis_off()
    more = f" · {len(scores) - len(keys)} more metrics in the runs" if len(scores) > len(keys) else ""
    headed(figure, title + more)
    return figure
