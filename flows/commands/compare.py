"""`assay compare`: finished runs against each other, on the rows that all of them answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="MLflow runs by id, its beginning, or name; an evaluation's run stands for its models'."
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Compare by this metric, whatever the runs were judged by; repeatable."),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="Write the rows on which they differ to this .csv, .jsonl or .json file."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the comparison as one HTML page.")] = None,
    most: Annotated[int, typer.Option(min=0, help="The most rows written or shown.")] = 200,
    dataset: Annotated[
        str | None, typer.Option(help="Where the dataset lies now, if no longer where it was.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Compare finished runs: differences with intervals, and where they disagree. No model runs."""
    environment.prepare()
    from tasks.comparing import comparison_report
    from tasks.comparing.comparison import compare as compared

    if rows:
        comparison_report.check_ending(rows)
    with console.aside.status("comparing …"):
        found = compared(runs, metrics=metric or [], most=most, dataset=dataset)
    if rows:
        comparison_report.write_rows(found, rows)
    if html:
        from tasks.comparing.comparison_page import page

        html.write_text(page(found), encoding="utf-8")
    if as_json:
        print(json.dumps(comparison_report.as_json(found), ensure_ascii=False, allow_nan=False))
        return
    for each in comparison_report.tables(found):
        console.out.print(each)
    for note in found.notes:
        console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
    for path in (rows, html):
        if path:
            console.aside.print(f"written: {path}", markup=False, soft_wrap=True)
