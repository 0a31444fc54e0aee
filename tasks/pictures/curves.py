"""ROC and precision-recall curves: what another threshold would buy, label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.canvas import CYCLE, FAINT, GREY, framed, legible_names, nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CURVES = len(CYCLE)
MOST_POINTS = 400
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A curve from left to right, of false by true positives or of recall by precision, and its area."""

    across: FloatArray
    up: FloatArray
    area: float


def roc(scores: FloatArray, hits: NDArray[np.bool_]) -> Curve | None:
    """Return the ROC curve of scores, shape (rows,); None where all rows are hits or none is.

    >>> found = roc(np.array([0.9, 0.8, 0.1]), np.array([True, False, False]))
    >>> found.area
    1.0
    """
    true, false = _counts(scores, hits)
    if not true[-1] or not false[-1]:
        return None
    across = np.concatenate([[0.0], false / false[-1]])
    up = np.concatenate([[0.0], true / true[-1]])
    return Curve(across, up, float(np.trapezoid(up, across)))


def precision_recall(scores: FloatArray, hits: NDArray[np.bool_]) -> Curve | None:
    """Return precision by recall, with average precision as its area; None where no row is a hit.

    >>> precision_recall(np.array([0.9, 0.8]), np.array([False, True])).area
    0.5
    """
    true, false = _counts(scores, hits)
    if not true[-1]:
        return None
    precision, recall = true / (true + false), true / true[-1]
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return Curve(np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision]), area)


def _counts(scores: FloatArray, hits: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return hits and others at or above each distinct score, falling."""
    if scores.shape != hits.shape:
        raise ValueError(f"there are {len(scores)} scores and {len(hits)} hits")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)
    true = np.cumsum(hits[order])[ends].astype(np.float64)
    return true, ends + 1.0 - true


def drawn_curves(curves: Mapping[str, Curve | None], title: str, kind: str) -> Figure:
    """Draw one curve a label, each against the rest.

    Args:
        curves: By label; None where a label's curve is not defined.
        title: The model's name.
        kind: `ROC` or `precision-recall`.

    Of more than six, the six of the smallest area are named and the others are faint.
    """
    there = {name: curve for name, curve in curves.items() if curve is not None}
    if not there:
        return nothing(title, f"no {kind} curve: all rows have one label")
    ordered = sorted(there, key=lambda name: there[name].area)
    named = ordered[:MOST_CURVES]
    figure, axes = framed(7.4, 5.0, title)
    axes.set_aspect("equal")
    for name in ordered[MOST_CURVES:]:
        axes.plot(*_thinned(there[name]), color=FAINT, linewidth=0.8, zorder=1)
    shown = dict(zip(named, legible_names(named), strict=True))
    for number, name in enumerate(named):
        axes.plot(
            *_thinned(there[name]),
            color=CYCLE[number],
            linestyle=STYLES[number],
            linewidth=1.8,
            label=f"{shown[name]}  {there[name].area:.3f}",
        )
    is_roc = kind == "ROC"
    if is_roc:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel("false positive rate" if is_roc else "recall")
    axes.set_ylabel("true positive rate" if is_roc else "precision")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(True, color="#EEEEEE")
    area = "area under it" if is_roc else "average precision"
    more = f"\n{len(ordered) - len(named)} better ones are faint" if len(ordered) > len(named) else ""
    figure.legend(
        loc="outside right upper", frameon=False, fontsize=9, title=f"label, {area}{more}", title_fontsize=9
    )
    return figure


def _thinned(curve: Curve) -> tuple[FloatArray, FloatArray]:
    keep = np.unique(np.linspace(0, len(curve.across) - 1, MOST_POINTS).astype(np.int64))
    return curve.across[keep], curve.up[keep]
