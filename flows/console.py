"""What the command line shows while it works and when it ends: progress on standard error, results after."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from tasks.report import RunReport

aside = Console(stderr=True, highlight=False)
"""Everything that is not the result: standard output holds nothing else."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@contextmanager
def bar(title: str, rows: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar of one model's rows while the context is open; None where nobody knows how many."""
    columns = (
        TextColumn("  predicting"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    if not aside.is_terminal:
        count = f"{rows} rows" if rows is not None else "rows as they come"
        aside.print(f"  predicting {title}, {count}", markup=False, soft_wrap=True)
        yield lambda count: None
        return
    with Progress(*columns, console=aside) as progress:
        bar_id = progress.add_task(title, total=rows)
        yield lambda count: progress.advance(bar_id, count)


def fail(message: str) -> None:
    """Say in one line what went wrong."""
    aside.print(f"assay: {message}", style="red", markup=False, soft_wrap=True)


def results(found: Iterable[Sequence[RunReport]], *, as_json: bool) -> None:
    """Print the outcome of each evaluation as it ends: tables for people, or one object for machines."""
    from tasks import report

    if as_json:
        every = [each for reports in found for each in reports]
        print(json.dumps(report.as_json(every), ensure_ascii=False, allow_nan=False))
        return
    for reports in found:
        notes = dict.fromkeys(note for each in reports for note in each.notes)
        for note in notes:
            aside.print(f"note: {note}", markup=False, soft_wrap=True)
        out.print(report.table(reports))
        reused = sum(each.reused_rows for each in reports)
        total = sum(each.rows for each in reports)
        if reused == total:
            out.print("Every prediction was reused; no model ran.\n")
        else:
            out.print()
