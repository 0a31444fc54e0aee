"""The leaderboard as files for other programs: CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

from tasks.board.leaderboard import Place, written
from tasks.report import escaped

COLUMNS = ("rank", "model", "score", "value", "rows", "rows/s", "parameters", "memory")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(places: Sequence[Place]) -> str:
    """Write one line a place, with the columns of the JSON.

    A name that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    found = io.StringIO()
    names = [name for name in asdict(places[0]) if name not in ("pins", "board")] if places else ["model"]
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(names)
    for place in places:
        writer.writerow([_cell(getattr(place, name)) for name in names])
    return found.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None or value != value else value


def _line(text: str) -> str:
    """Return a name without line ends, which would end a table's row."""
    return " ".join(text.split())


def _rows(block: Sequence[Place]) -> list[tuple[str, ...]]:
    return [
        (
            f"{place.rank}{'=' if place.shared else ''}",
            _line(place.model),
            f"{place.score} {'↑' if place.higher_is_better else '↓'}",
            written(place),
            str(place.rows),
            f"{place.rows_per_second:.0f}" if place.rows_per_second else "–",
            f"{place.parameters / 1e6:.3g} M" if place.parameters else "–",
            f"{place.peak_bytes / 2**30:.1f} GB" if place.peak_bytes else "–",
        )
        for place in block
    ]


def _blocks(places: Sequence[Place]) -> list[list[Place]]:
    found: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        found.setdefault((place.board, place.score), []).append(place)
    return list(found.values())


def as_markdown(places: Sequence[Place]) -> str:
    """Write one table a dataset and score."""
    lines: list[str] = []
    for block in _blocks(places):
        first = block[0]
        title = f"{escaped(_line(first.dataset))} ({escaped(_line(first.split))}, {first.rows} rows)"
        lines += [
            f"### {first.task}: {title}",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---:|---|---|---:|---:|---:|---:|---:|",
        ]
        lines += [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in _rows(block)]
        lines += [""]
    if any(place.shared for place in places):
        lines += ["= : these rows cannot tell the models of a rank apart.", ""]
    return "\n".join(lines)


def as_latex(places: Sequence[Place]) -> str:
    """Write one table a dataset and score; they need the package `booktabs`."""
    lines: list[str] = []
    for block in _blocks(places):
        first = block[0]
        title = latex(_line(f"{first.task}: {first.dataset} ({first.split}, {first.rows} rows)"))
        lines += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{title}}}",
            r"\begin{tabular}{rllrrrrr}",
            r"\toprule",
        ]
        lines += [" & ".join(COLUMNS) + r" \\", r"\midrule"]
        for place, row in zip(block, _rows(block), strict=True):
            cells = [latex(cell) for cell in row]
            if place.rank == 1:
                cells[3] = rf"\textbf{{{cells[3]}}}"
            lines.append(" & ".join(cells) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def latex(text: str) -> str:
    r"""Escape what LaTeX would take for its own.

    >>> latex("f1_macro 50% ↑")
    'f1\\_macro 50\\% $\\uparrow$'
    """
    kept = "".join(_LATEX.get(letter, letter) for letter in text)
    return kept.replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$").replace("–", "--")
