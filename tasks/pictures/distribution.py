"""Distributions: how a value is spread over the rows, of one kind of rows or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.canvas import BLACK, CYCLE, framed, legible, nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 30
HATCHES = ("", "////", "....")


def distribution(values: Mapping[str, NDArray[np.float64]], name: str, title: str) -> Figure:
    """Draw the histogram of a value, of each kind of rows on top of the other, with the median of all.

    Args:
        values: By kind of rows, the value of each row; NaN and infinite ones are left out and counted.
        name: What the value is.
        title: The model's name.
    """
    finite = {kind: each[np.isfinite(each)] for kind, each in values.items()}
    whole = np.concatenate([np.empty(0), *finite.values()])
    left_out = sum(len(each) for each in values.values()) - len(whole)
    if not len(whole):
        return nothing(title, f"{name}: no row has a value")
    figure, axes = framed(6.6, 3.8, title)
    low, high = float(whole.min()), float(whole.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low == high:
        low, high = low - 0.5, high + 0.5
    axes.hist(
        list(finite.values()),
        bins=np.linspace(low, high, BINS + 1).tolist(),
        stacked=True,
        color=CYCLE[: len(finite)],
        label=[f"{kind} ({len(each)})" for kind, each in finite.items()],
        hatch=HATCHES[: len(finite)],
        edgecolor="white",
        linewidth=0.5,
    )
    middle = float(np.median(whole))
    axes.axvline(middle, color=BLACK, linestyle="--", linewidth=1, label=f"median {middle:.3g}")
    axes.set_xlabel(legible(name, 60) + (f" ({left_out} rows have none)" if left_out else ""))
    axes.set_ylabel("rows")
    figure.legend(loc="outside lower right", ncols=len(finite) + 1, frameon=False, fontsize=9)
    return figure
