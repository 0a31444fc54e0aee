"""Per-class bars: how well each label is found, with intervals, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.pictures.canvas import BLACK, CYCLE, GREY, framed, legible_names, nothing, thousands

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 25
HATCHES = ("", "////", "....")


@dataclass(frozen=True)
class Bars:
    """One score of every class: values, and the ends of their intervals where there are any."""

    values: Sequence[float]
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()


def class_bars(
    names: Sequence[str], scores: Mapping[str, Bars], support: Sequence[float], title: str, what: str = "rows"
) -> Figure:
    """Draw the scores of each class as bars with whiskers, the worst above.

    Args:
        names: The classes.
        scores: By name of the score, its bars, one a class; classes are ordered by the first.
        support: How much there is of each class in the references.
        title: The model's name.
        what: What support counts.

    With more than 25 classes the worst 25 are shown. An undefined score (NaN) has no bar.
    """
    if not len(names):
        return nothing(title, "no classes")
    first = np.asarray(next(iter(scores.values())).values, dtype=np.float64)
    order = np.argsort(np.where(np.isfinite(first), first, np.inf), kind="stable")[:MOST_CLASSES]
    shown = legible_names([str(name) for name in names])
    labels = [f"{shown[each]} · {thousands(support[each])}" for each in order]
    thick = 0.8 / len(scores)
    figure, axes = framed(7.5, 1.5 + len(order) * max(0.3, 0.16 * len(scores)), title)
    axes.set_xlim(0, max(1.0, float(np.nanmax(first, initial=0.0))))
    for number, (name, bars) in enumerate(scores.items()):
        place = np.arange(len(order)) + (number - (len(scores) - 1) / 2) * thick
        values = np.nan_to_num(np.asarray(bars.values, dtype=np.float64)[order])
        axes.barh(
            place,
            values,
            height=thick * 0.9,
            color=CYCLE[number],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
            linewidth=0,
            label=name,
        )
        if bars.lows and bars.highs:
            ends = [(bars.lows[each], bars.highs[each], at) for each, at in zip(order, place, strict=True)]
            known = [(low, high, at) for low, high, at in ends if low is not None and high is not None]
            if known:
                low, high, at = (np.asarray(each, dtype=np.float64) for each in zip(*known, strict=True))
                axes.hlines(at, low, high, color=BLACK, linewidth=1.1)
    axes.set_yticks(range(len(order)), labels)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.xaxis.grid(True, color="#E5E5E5")
    axes.set_axisbelow(True)
    left_out = f"; the worst {len(order)} of {len(names)}" if len(names) > len(order) else ""
    axes.set_ylabel(f"class · {what}{left_out}", color=GREY)
    figure.legend(loc="outside lower right", ncols=len(scores), frameon=False, fontsize=9)
    return figure
