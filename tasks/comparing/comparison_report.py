"""What a comparison of runs says: tables for a terminal, Markdown for a page, one object for machines, and a
file of the rows on which models differ."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.compare import Pair
from tasks.comparing.comparison import Comparison
from tasks.errors import BadEvaluation
from tasks.metrics.comparison import Difference
from tasks.report import escaped, shown

if TYPE_CHECKING:
    from rich.table import Table

FIRST_ROWS = 10
"""Rows on which models differ that a terminal or a Markdown page shows."""
LONGEST = 200
"""Characters of a cell there."""
ENDINGS = (".csv", ".jsonl", ".json")


def score_keys(comparison: Comparison) -> list[str]:
    """Return the score keys, the headline first."""
    return list(dict.fromkeys(key for scores in comparison.scores for key in scores))


def between(difference: Difference) -> str:
    """Write a difference with its interval.

    >>> between(Difference(-0.02, -0.03, -0.01, 0.002))
    '-0.020 [-0.030, -0.010]'
    """
    if difference.low != difference.low:
        return f"{difference.value:+.3f}"
    return f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"


def meaning(comparison: Comparison, pair: Pair) -> str:
    """Say which of two models is better, or that these rows cannot tell."""
    if not pair.significant:
        return "not to be told apart"
    higher = comparison.scores[pair.one][pair.score].higher_is_better
    better = pair.one if (pair.difference.value > 0) == higher else pair.other
    return f"{comparison.titles[better]} is better"


def size(difference: Difference) -> str:
    """Write the effect size of a difference, where there is one."""
    return "" if difference.effect is None else f"{difference.effect_name} {difference.effect:+.2f}"


def heading(comparison: Comparison) -> str:
    """Return the comparison's title."""
    return f"{comparison.task} · {comparison.dataset} ({comparison.split}, {comparison.rows} rows)"


def legend(comparison: Comparison) -> str:
    """Say how the numbers were found."""
    pairs = len(comparison.titles) * (len(comparison.titles) - 1) // 2
    over = f", corrected by Holm over the {pairs} pairs of each score" if pairs > 1 else ""
    tests = ", ".join(dict.fromkeys(pair.difference.test for pair in comparison.pairs))
    if not tests:
        return "No test was made: settings.resamples is 0."
    return (
        f"{comparison.level * 100:g}% intervals of the differences by paired bootstrap; p by {tests}{over}."
    )


def tables(comparison: Comparison) -> list[Table]:
    """Lay a comparison out for a terminal: scores, differences, and the first rows that differ."""
    from rich.markup import escape
    from rich.table import Table

    keys = score_keys(comparison)
    scores = Table(title=heading(comparison), title_justify="left")
    scores.add_column("run")
    scores.add_column("model", overflow="fold")
    for key in keys:
        scores.add_column(key, justify="right")
    for run_id, title, of_run in zip(comparison.run_ids, comparison.titles, comparison.scores, strict=True):
        cells = [escape(shown(of_run[key])) if key in of_run else "" for key in keys]
        scores.add_row(run_id[:8], escape(title), *cells)
    laid = [scores]
    if comparison.pairs:
        found = Table(
            "score", "model", "against", title="Differences", title_justify="left", caption=legend(comparison)
        )
        found.caption_justify = "left"
        for name in ("difference", "p", "effect"):
            found.add_column(name, justify="right")
        found.add_column("")
        for pair in comparison.pairs:
            found.add_row(
                pair.score,
                escape(comparison.titles[pair.one]),
                escape(comparison.titles[pair.other]),
                escape(between(pair.difference)),
                f"{pair.difference.p_value:.2g}",
                size(pair.difference),
                escape(meaning(comparison, pair)),
                style="bold" if pair.significant else "",
            )
        laid.append(found)
    differing = comparison.disagreements
    if differing.shown:
        first = [brief(row) for row in differing.shown[:FIRST_ROWS]]
        rows = Table(
            *(escape(name) for name in columns(first)),
            title=rows_heading(comparison, len(first)),
            title_justify="left",
        )
        for row in first:
            rows.add_row(*(escape(_cut(row.get(name, ""))) for name in columns(first)))
        laid.append(rows)
    return laid


def rows_heading(comparison: Comparison, there: int) -> str:
    """Say on how many rows models differ, and how many of them are not shown."""
    found = comparison.disagreements
    more = f"; the first {there} of them, and {found.count - there} more" if found.count > there else ""
    return f"They differ on {found.count} of {comparison.rows} rows, by {found.told_by}{more}"


def columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the columns of several records, in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def plain(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a record as text; what is no text and would be none to a reader is named.

    >>> plain({"row": 3, "image": {"bytes": b"..."}, "tags": ["O"], "text": "a"})
    {'row': '3', 'image': '(binary)', 'tags': '["O"]', 'text': 'a'}
    """
    return {name: _plain(value) for name, value in row.items()}


def brief(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a record as text with what each model said and nothing more of it, where room is scarce.

    >>> brief({"row": 3, "small: prediction": "a", "small: right": False})
    {'row': '3', 'small': 'a'}
    """
    said = ": prediction"
    by_model = {name.removesuffix(said) for name in row if name.endswith(said)}
    kept = {
        name.removesuffix(said): value
        for name, value in row.items()
        if name.endswith(said) or not any(name.startswith(f"{model}: ") for model in by_model)
    }
    return plain(kept)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes) or (isinstance(value, Mapping) and "bytes" in value):
        return "(binary)"
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def markdown(comparison: Comparison) -> str:
    """Write a comparison as Markdown: scores, differences, and the first rows that differ."""
    keys = score_keys(comparison)
    lines = [
        f"**{escaped(heading(comparison))}**",
        "",
        "| run | model | " + " | ".join(keys) + " |",
        "|---|---|" + "---:|" * len(keys),
    ]
    for run_id, title, of_run in zip(comparison.run_ids, comparison.titles, comparison.scores, strict=True):
        cells = [shown(of_run[key]) if key in of_run else "" for key in keys]
        lines.append(f"| {run_id[:8]} | {escaped(title)} | " + " | ".join(cells) + " |")
    if comparison.pairs:
        lines += [
            "",
            "| score | model | against | difference | p | effect | |",
            "|---|---|---|---:|---:|---:|---|",
        ]
    for pair in comparison.pairs:
        cells = [
            pair.score,
            escaped(comparison.titles[pair.one]),
            escaped(comparison.titles[pair.other]),
            between(pair.difference),
            f"{pair.difference.p_value:.2g}",
            size(pair.difference),
            escaped(meaning(comparison, pair)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", legend(comparison)]
    if comparison.disagreements.shown:
        first = [brief(row) for row in comparison.disagreements.shown[:FIRST_ROWS]]
        names = columns(first)
        lines += [
            "",
            escaped(rows_heading(comparison, len(first))),
            "",
            "| " + " | ".join(map(escaped, names)) + " |",
            "|" + "---|" * len(names),
        ]
        for row in first:
            cells = [escaped(" ".join(_cut(row.get(name, "")).split())) for name in names]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {escaped(note)}" for note in comparison.notes)]
    return "\n".join(lines)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as the object that `--json` prints."""
    return {
        "task": comparison.task,
        "dataset": comparison.dataset,
        "split": comparison.split,
        "rows": comparison.rows,
        "level": comparison.level,
        "runs": [
            {
                "mlflow_run_id": run_id,
                "model": title,
                "scores": {key: _numbers(asdict(score)) for key, score in scores.items()},
            }
            for run_id, title, scores in zip(
                comparison.run_ids, comparison.titles, comparison.scores, strict=True
            )
        ],
        "pairs": [
            {
                "score": pair.score,
                "model": comparison.titles[pair.one],
                "against": comparison.titles[pair.other],
                "significant": pair.significant,
                **_numbers(asdict(pair.difference)),
            }
            for pair in comparison.pairs
        ],
        "disagreements": {
            "count": comparison.disagreements.count,
            "told_by": comparison.disagreements.told_by,
            "rows": [plain(row) for row in comparison.disagreements.shown],
        },
        "notes": list(comparison.notes),
    }


def _numbers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers that JSON can hold: NaN becomes null."""
    return {name: None if value != value else value for name, value in given.items()}


def check_ending(path: Path) -> None:
    """Refuse a file for rows whose ending says no format.

    Raises:
        BadEvaluation: It says none that is written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise BadEvaluation(f"Rows are written as {', '.join(ENDINGS)}; '{path}' ends otherwise.")


def write_rows(comparison: Comparison, path: Path) -> None:
    """Write the rows on which models differ as CSV, JSON Lines or JSON, by the file's ending.

    Raises:
        BadEvaluation: The ending says no format.
    """
    check_ending(path)
    rows = [plain(row) for row in comparison.disagreements.shown]
    if path.suffix.lower() == ".csv":
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, columns(rows) or ["row"], restval="")
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    elif path.suffix.lower() == ".jsonl":
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=2), encoding="utf-8")
