"""`assay reproduce`: a finished run made again from its own record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment

if TYPE_CHECKING:
    from tasks.repetition.reproduction import Reproduction


def reproduce(
    run: Annotated[str, typer.Argument(help="An MLflow run of one model: id, its beginning, or name.")],
    dataset: Annotated[
        str | None, typer.Option(help="Where the dataset lies now, if no longer where it was.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Where the model lies now, if no longer where it was.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Predict everything of a finished run afresh, and say whether it is equal, or what differs and why."""
    environment.prepare()
    from dataclasses import replace

    from tasks.repetition import reproduction
    from tasks.tracking import finished

    found = finished.one(run)
    if dataset or model:
        found = replace(found, record=found.record.moved(dataset=dataset, model=model))
    with console.bar(found.record.title, found.record.rows["count"]) as advance:
        made = reproduction.reproduce(found, advance)
    reproduction.note(made)
    if as_json:
        print(json.dumps(reproduction.as_json(made), ensure_ascii=False, allow_nan=False))
    else:
        _show(made)
    if made.verdict == "different":
        raise typer.Exit(1)


def _show(made: Reproduction) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "score",
        "recorded",
        "again",
        "",
        title=f"{made.title} on {made.dataset} ({made.split}, {made.rows} rows)",
        title_justify="left",
    )
    for key, each in made.scores.items():
        word = "equal" if each.equal else "within rounding" if each.near else "different"
        table.add_row(key, f"{each.old!r}", f"{each.new!r}", word)
    console.out.print(table)
    console.out.print(made.sentence, markup=False)
    if made.environment and made.verdict != "equal":
        console.out.print("What is otherwise here than where it was made:")
    for name, (was, now) in made.environment.items() if made.verdict != "equal" else ():
        console.out.print(f"  {name}: {was}, now {now}", markup=False)
    for row in made.shown if made.verdict == "different" else ():
        fields = ", ".join(
            f"{name} was {each['was']}, is {each['is']}" for name, each in row.items() if name != "row"
        )
        console.out.print(f"  row {row['row']}: {escape(fields)[:300]}")
    if made.verdict != "equal" and not made.environment:
        console.out.print("Libraries, machine and precision are those it was made with.")
