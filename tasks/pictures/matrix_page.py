"""Confusion matrix as a page: every label, its whole name and every count under the pointer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.page import escaped, page

MOST_LABELS = 150
MOST_PAIRS = 200

STYLE = """
.frame { overflow: auto; max-height: 85vh; border: 1px solid var(--line); width: fit-content;
  max-width: 100%; }
.matrix td { text-align: right; min-width: 2.1rem; border: 1px solid var(--line); font-size: .8rem; }
.matrix td.hit { outline: 2px solid var(--good); outline-offset: -2px; }
.matrix thead th { position: sticky; top: 0; background: var(--ground); vertical-align: bottom; z-index: 2; }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14rem;
  overflow: hidden; }
.matrix tbody th { position: sticky; left: 0; background: var(--ground); z-index: 1; max-width: 18rem;
  overflow: hidden; text-overflow: ellipsis; }
.matrix tr:hover th { color: var(--ink); font-weight: 700; }
"""


def matrix_page(labels: Sequence[str], matrix: NDArray[np.int64], title: str) -> str:
    """Return a confusion matrix and the most frequent mistakes as a page that stands alone.

    Args:
        labels: Names, in the matrix's order.
        matrix: Counts, shape (labels, labels), right by predicted.
        title: The model's name.

    Of more than 150 labels the mistakes alone are listed.
    """
    names = [escaped(name) for name in labels]
    wrong = matrix * (1 - np.eye(len(names), dtype=np.int64))
    pairs = (
        [
            (int(wrong[place]), *map(int, place))
            for place in zip(
                *np.unravel_index(np.argsort(-wrong, axis=None)[:MOST_PAIRS], wrong.shape), strict=True
            )
            if wrong[place]
        ]
        if names
        else []
    )
    total, off = int(matrix.sum()), int(wrong.sum())
    parts = [
        f"<p>{total} cases, {off} of them wrong. Rows are the right labels, columns the predicted ones.</p>"
    ]
    if len(names) <= MOST_LABELS:
        parts.append(_table(names, matrix))
    parts.append("<h2>The most frequent mistakes</h2>")
    lines = "".join(
        f'<tr><td>{count}</td><td class="text">{names[right]}</td><td class="text">{names[given]}</td>'
        f"<td>{count / max(int(matrix[right].sum()), 1):.0%}</td></tr>"
        for count, right, given in pairs
    )
    head = "<tr><th>times</th><th>right</th><th>predicted</th><th>share of the right label's rows</th></tr>"
    parts.append(f"<table>{head}{lines}</table>" if lines else "<p>None.</p>")
    return page(f"Confusion matrix · {title}", "\n".join(parts), STYLE)


def _table(names: Sequence[str], matrix: NDArray[np.int64]) -> str:
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    head = "".join(f"<th><span>{name}</span></th>" for name in names)
    rows = []
    for right, name in enumerate(names):
        cells = "".join(
            f'<td class="{"hit" if right == given else ""}"'
            f' style="background:color-mix(in srgb, #0072B2 {share[right, given] * 75:.0f}%, transparent)"'
            f' title="{name} as {names[given]}: {count} ({share[right, given]:.1%})">{count or ""}</td>'
            for given, count in enumerate(matrix[right].tolist())
        )
        rows.append(f'<tr><th title="{name}">{name}</th>{cells}</tr>')
    return (
        f'<div class="frame"><table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
