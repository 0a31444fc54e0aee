"""Quality against speed: what a better score costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.metrics.contract import Score
from tasks.pictures.canvas import CYCLE, FAINT, MARKERS, framed, legible, legible_names, nothing
from tasks.pictures.forest import ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_MODELS = 40


def front(values: Sequence[float], speeds: Sequence[float], *, higher_is_better: bool = True) -> list[int]:
    """Return the positions of what nothing beats in both, from slow to fast.

    >>> front([0.9, 0.8, 0.7], [1.0, 5.0, 4.0])
    [0, 1]
    """
    sign = 1.0 if higher_is_better else -1.0
    kept: list[int] = []
    for each in sorted(range(len(values)), key=lambda at: (-speeds[at], -sign * values[at])):
        if values[each] == values[each] and (not kept or sign * values[each] > sign * values[kept[-1]]):
            kept.append(each)
    return kept[::-1]


def quality_by_speed(
    names: Sequence[str], scores: Sequence[Score], speeds: Sequence[float | None], key: str, title: str
) -> Figure:
    """Draw each model's score by the rows it predicts a second; a line joins what nothing beats in both.

    Args:
        names: The models.
        scores: Their scores.
        speeds: Rows a second; None where nothing was predicted in this run, which leaves a model out.
        key: The score's key.
        title: What was evaluated.

    Of more than 40 models the best 40 are drawn.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    there = [
        (name, score, speed)
        for name, score, speed in zip(names, scores, speeds, strict=True)
        if speed and score.value == score.value
    ]
    there = [there[each] for each in ranked([score for _, score, _ in there])[:MOST_MODELS]]
    if not there:
        return nothing(title, "no speed: all predictions were stored already")
    figure, axes = framed(8.2, max(4.4, 1.0 + 0.22 * len(there)), title)
    up = scores[0].higher_is_better
    line = front([each[1].value for each in there], [each[2] for each in there], higher_is_better=up)
    axes.plot(
        [there[each][2] for each in line], [there[each][1].value for each in line],
        color=FAINT, linewidth=5, zorder=0, solid_capstyle="round",
    )  # fmt: skip
    shown = legible_names([each[0] for each in there])
    for number, (name, (_, score, speed)) in enumerate(zip(shown, there, strict=True)):
        colour = CYCLE[number % len(CYCLE)]
        if score.low is not None and score.high is not None:
            axes.plot([speed, speed], [score.low, score.high], color=colour, linewidth=1.6)
        axes.plot(
            speed, score.value, linestyle="none", color=colour, markersize=8, label=name,
            marker=MARKERS[(number + number // len(CYCLE)) % len(MARKERS)],
        )  # fmt: skip
    quick = [each[2] for each in there]
    if max(quick) > 8 * min(quick):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(lambda speed, _: f"{speed:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.12)
    axes.set_xlabel("rows a second →")
    axes.set_ylabel(f"{legible(key)} {'↑' if up else '↓'}")
    if not up:
        axes.invert_yaxis()
    axes.grid(True, color="#EEEEEE")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    left_out = sum(not speed for speed in speeds)
    if left_out:
        figure.supxlabel(
            f"{left_out} without a speed left out: their predictions were stored already", fontsize=8
        )
    return figure
