"""`assay reported`: what models claim on a dataset, beside what was measured here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment

if TYPE_CHECKING:
    from tasks.publish.claims import Finding


def reported(
    dataset: Annotated[str, typer.Option(help="Hub id of the dataset.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show reported scores beside ours: verified, not reproduced, or not to be told, and why."""
    environment.prepare()
    from tasks.publish.reported import reported as read

    found, notes = read(dataset)
    for note in notes:
        console.aside.print(f"note: {note}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"claims": [asdict(each) for each in found]}, default=str))
        return
    _show(found)


def _show(found: list[Finding]) -> None:
    from rich.table import Table

    if not found:
        console.out.print("No score is reported on it.")
        return
    styles = {"verified": "green", "not reproduced": "red"}
    table = Table("model", "score", "claimed", "ours", "difference", "", "why")
    for each in found:
        between = f" [{each.low:.3f}, {each.high:.3f}]" if each.low is not None else ""
        ours = "–" if each.value is None else f"{each.value:.3f}{between}"
        cells = [
            f"{each.claim.model} ({each.claim.origin})",
            each.score or each.claim.name or each.claim.metric,
            str(each.claim.value),
            ours,
            "–" if each.difference is None else f"{each.difference:+.3f}",
            each.verdict,
            " ".join(each.why),
        ]
        table.add_row(*(cell.replace("[", r"\[") for cell in cells), style=styles.get(each.verdict, ""))
    console.out.print(table)
