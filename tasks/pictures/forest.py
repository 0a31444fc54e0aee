"""Forest plot: models by their score, with intervals, the best above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.metrics.contract import Score
from tasks.pictures.canvas import BLUE, FAINT, GREY, framed, legible, legible_names, nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MODELS = 40


def ranked(scores: Sequence[Score]) -> list[int]:
    """Return the positions of scores from best to worst, the undefined ones last.

    >>> ranked([Score(each, None, None, 9, higher_is_better=False) for each in (0.1, float("nan"), 0.0)])
    [2, 0, 1]
    """
    return sorted(
        range(len(scores)),
        key=lambda each: (
            scores[each].value != scores[each].value,
            -scores[each].value if scores[each].higher_is_better else scores[each].value,
        ),
    )


def forest(
    names: Sequence[str], marks: Sequence[str], scores: Sequence[Score], key: str, title: str
) -> Figure:
    """Draw each model's score with its interval; the band is the best one's interval.

    Args:
        names: The models.
        marks: A sign before each name: ★ for the best, ≈ for those not to be told from it.
        scores: Their scores.
        key: The score's key.
        title: What was evaluated.

    Of more than 40 models the best 40 are drawn.
    """
    if not names:
        return nothing(title, "no models")
    order = ranked(scores)[:MOST_MODELS]
    shown = legible_names(names, 40)
    if len(names) > len(order):
        title = f"the best {len(order)} of {len(names)} models · {title}"
    figure, axes = framed(8.0, 1.5 + 0.36 * len(order), title)
    best = scores[order[0]]
    if len(order) > 1 and best.low is not None and best.high is not None:
        axes.axvspan(best.low, best.high, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    dotted(axes, [scores[each] for each in order])
    labels = [f"{marks[each]} {shown[each]}".strip() for each in order]
    axes.set_yticks(range(len(order)), labels)
    axes.set_xlabel(
        f"{legible(key)} {'↑ higher is better' if best.higher_is_better else '↓ lower is better'}"
    )
    return figure


def dotted(axes: Axes, scores: Sequence[Score], *, written: bool = True) -> None:
    """Draw scores as dots with intervals, one a line from above, and their values at the right."""
    for place, score in enumerate(scores):
        if np.isnan(score.value):
            axes.text(
                0.5,
                place,
                "undefined",
                transform=axes.get_yaxis_transform(),
                ha="center",
                va="center",
                color=GREY,
            )
            continue
        if score.low is not None and score.high is not None:
            axes.plot(
                [score.low, score.high], [place, place], color=BLUE, linewidth=2.2, solid_capstyle="butt"
            )
        axes.plot(score.value, place, marker="o", color=BLUE, markersize=6)
        if written:
            axes.text(
                1.02,
                place,
                f"{score.value:.3f}",
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
    axes.set_ylim(len(scores) - 0.4, -0.6)
    axes.xaxis.grid(True, color="#E5E5E5")
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
