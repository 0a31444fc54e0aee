"""What every drawn picture shares: its ground, its colours, and names that fit and can be drawn."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW, BLACK = "#56B4E9", "#D55E00", "#F0E442", "#000000"
GREY, FAINT = "#6B6B6B", "#D9D9D9"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PINK, SKY)
"""Okabe and Ito's colours; yellow is left out, which a light ground swallows."""
MARKERS = ("o", "s", "^", "D", "v", "P")
"""One a colour: what colour tells apart, shape does too."""
DOTS_PER_INCH = 110
SIGNS_PER_INCH = 11
"""About as many signs of a title are an inch long."""
LONGEST_NAME = 30


def canvas(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, on white, tied to no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white", layout="constrained")


def framed(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure with one titled plot, its frame open above and on the right."""
    figure = canvas(width, height)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    headed(figure, title)
    return figure, axes


def headed(figure: Figure, title: str) -> None:
    """Write a figure's title above all of it, at its left, cut to its width."""
    most = int(figure.get_figwidth() * SIGNS_PER_INCH)
    figure.suptitle(legible(title, most), fontsize=11, x=0.01, ha="left")


def nothing(title: str, why: str) -> Figure:
    """Return a picture that says why there is nothing to see: runs keep the same pictures."""
    figure, axes = framed(5.5, 2.2, title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, legible(why, 200), ha="center", va="center", color=GREY, transform=axes.transAxes)
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@cache
def _drawable() -> frozenset[int]:
    """Return the code points that matplotlib's own font has."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return frozenset(font.get_charmap())


def legible(text: str, most: int = LONGEST_NAME) -> str:
    r"""Return a text that can be drawn: on one line, cut in its middle, no formula, no missing sign.

    >>> legible("price in $ and $\nper piece")
    'price in \\$ and \\$ per piece'
    >>> legible("a" * 20 + "b" * 20, 11)
    'aaaaa…bbbbb'
    >>> legible("猫 cat")
    '□ cat'
    """
    there_is = _drawable()
    plain = " ".join(str(text).split())
    shown = "".join(
        sign if ord(sign) in there_is and unicodedata.category(sign)[0] != "C" else "□" for sign in plain
    )
    if len(shown) > most:
        half = (most - 1) // 2
        shown = f"{shown[:half]}…{shown[len(shown) - half :]}"
    return shown.replace("$", r"\$")


def legible_names(names: Sequence[str], most: int = LONGEST_NAME) -> list[str]:
    """Return names that can be drawn and told apart: those that come out alike are numbered.

    >>> legible_names(["cat", "猫", "犬"])
    ['cat', '□ (2)', '□ (3)']
    """
    shown = [legible(name, most) for name in names]
    return [
        f"{name} ({number})" if shown.count(name) > 1 else name for number, name in enumerate(shown, start=1)
    ]


def thousands(count: float) -> str:
    """Write a count in few signs.

    >>> [thousands(each) for each in (7, 999, 1234, 56_789, 2_500_000)]
    ['7', '999', '1.2k', '57k', '2.5M']
    """
    for size, sign in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.1f}{sign}" if count < 10 * size else f"{count / size:.0f}{sign}"
    return f"{count:.0f}"
