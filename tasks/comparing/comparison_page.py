"""The page of a comparison: one HTML file that needs no network, runs no script, and trusts no text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

from tasks.comparing.comparison import Comparison
from tasks.comparing.comparison_report import (
    between,
    columns,
    heading,
    legend,
    meaning,
    plain,
    rows_heading,
    score_keys,
    size,
)
from tasks.inference import media
from tasks.metrics.comparison import Difference
from tasks.report import shown

PICTURE = 96
"""Pixels of a picture's longer side."""
MOST_PICTURES = 120
WIDE = 180
"""Pixels of a difference's interval."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bar: #0072b2; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92em; }
th, td { border-bottom: 1px solid var(--line); padding: .35em .7em; text-align: left; vertical-align: top; }
td { max-width: 32rem; overflow-wrap: break-word; white-space: pre-wrap; }
img { min-width: 3rem; }
td.number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
tr.told td { font-weight: 600; } thead th { background: var(--soft); }
svg { display: block; } svg line { stroke: currentColor; }
svg .bar, svg circle { stroke: var(--bar); fill: var(--bar); }
@media (prefers-color-scheme: dark) { :root { --bar: #56b4e9; } }
"""


def page(comparison: Comparison) -> str:
    """Return the comparison as one self-contained HTML page."""
    title = escape(heading(comparison))
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta http-equiv='Content-Security-Policy' "
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"{_scores(comparison)}{_differences(comparison)}{_rows(comparison)}"
        + "".join(f"<p>{escape(note)}</p>" for note in comparison.notes)
        + "</body></html>\n"
    )


def _table(head: list[str], rows: list[tuple[str, list[tuple[str, str]]]]) -> str:
    """Return a table of rows, each a class and its cells, each a class and HTML that is safe already."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr class='{kind}'>" + "".join(f"<td class='{look}'>{cell}</td>" for look, cell in cells) + "</tr>"
        for kind, cells in rows
    )
    return f"<div class='wide'><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"


def _scores(comparison: Comparison) -> str:
    keys = score_keys(comparison)
    rows = []
    for run_id, title, scores in zip(comparison.run_ids, comparison.titles, comparison.scores, strict=True):
        cells = [("", escape(run_id[:8])), ("", escape(title))]
        cells += [("number", escape(shown(scores[key])) if key in scores else "") for key in keys]
        rows.append(("", cells))
    return _table(["run", "model", *keys], rows)


def _differences(comparison: Comparison) -> str:
    if not comparison.pairs:
        return f"<p>{escape(legend(comparison))}</p>"
    rows = []
    for pair in comparison.pairs:
        reach = max(
            (_reach(each.difference) for each in comparison.pairs if each.score == pair.score), default=0.0
        )
        rows.append(
            (
                "told" if pair.significant else "",
                [
                    ("", escape(pair.score)),
                    ("", escape(comparison.titles[pair.one])),
                    ("", escape(comparison.titles[pair.other])),
                    ("number", escape(between(pair.difference))),
                    ("", _interval(pair.difference, reach)),
                    ("number", f"{pair.difference.p_value:.2g}"),
                    ("number", escape(size(pair.difference))),
                    ("", escape(meaning(comparison, pair))),
                ],
            )
        )
    head = ["score", "model", "against", "difference", "", "p", "effect", ""]
    return f"<h2>Differences</h2>{_table(head, rows)}<p>{escape(legend(comparison))}</p>"


def _reach(difference: Difference) -> float:
    ends = (difference.value, difference.low, difference.high)
    return max((abs(end) for end in ends if end == end), default=0.0)


def _interval(difference: Difference, reach: float) -> str:
    """Draw a difference and its interval about zero."""
    if not reach or difference.value != difference.value:
        return ""

    def at(value: float) -> float:
        return round(WIDE / 2 + (WIDE / 2 - 8) * value / reach, 1)

    bar = ""
    if difference.low == difference.low:
        ends = f"x1='{at(difference.low)}' x2='{at(difference.high)}'"
        bar = f"<line class='bar' {ends} y1='9' y2='9' stroke-width='3'/>"
    return (
        f"<svg width='{WIDE}' height='18' role='img' aria-label='{escape(between(difference), quote=True)}'>"
        f"<line x1='{WIDE / 2}' x2='{WIDE / 2}' y1='0' y2='18' stroke-dasharray='2 2' opacity='.6'/>{bar}"
        f"<circle cx='{at(difference.value)}' cy='9' r='4'/></svg>"
    )


def _rows(comparison: Comparison) -> str:
    found = comparison.disagreements
    if not found.shown:
        return ""
    names = columns([plain(row) for row in found.shown])
    left = MOST_PICTURES
    rows = []
    for row in found.shown:
        cells = []
        for name in names:
            picture = _picture(row.get(name)) if left else None
            left -= picture is not None
            cells.append(("", picture or escape(plain(row).get(name, ""))))
        rows.append(("", cells))
    return f"<h2>{escape(rows_heading(comparison, len(rows)))}</h2>{_table(names, rows)}"


def _picture(value: Any) -> str | None:
    """Return an encoded image as a small picture within the page; None where a value is none."""
    if not (isinstance(value, Mapping) and ("bytes" in value)):
        return None
    try:
        drawn = media.image(value)
        drawn.thumbnail((PICTURE, PICTURE))
        buffer = io.BytesIO()
        drawn.convert("RGB").save(buffer, "JPEG", quality=80)
    except (OSError, ValueError):
        return None
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='' src='data:image/jpeg;base64,{encoded}'>"
