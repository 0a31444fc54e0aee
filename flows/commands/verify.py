"""`assay verify`: whether the scores of a card are those that were signed, and by whom."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment

if TYPE_CHECKING:
    from tasks.publish.verification import Verified


def verify(
    card: Annotated[
        str | None, typer.Argument(help="A model's Hub id (with @revision, as @refs/pr/1), or a card's path.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A public key to trust this once; repeatable.")
    ] = None,
    trust: Annotated[
        str | None, typer.Option(help="A public key to trust from now on, as KEY or KEY=NAME.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Check the signed scores of a model's card; without a card, print this installation's public key."""
    environment.prepare()
    from tasks.publish import signatures

    if trust:
        added, _, name = trust.partition("=")
        signatures.trust(added, name or signatures.short(added))
    if card is None:
        if not trust:
            console.out.print(signatures.public_key())
        return
    from tasks.publish import verification

    known = signatures.known_keys() | dict.fromkeys(key or [], "the key given")
    texts, model = verification.read(card)
    found = verification.verify(texts, model, known)
    if as_json:
        print(json.dumps({"scores": [asdict(each) for each in found]}))
    else:
        _show(found)
    if any(each.verdict not in verification.NOT_FAULTS for each in found):
        raise typer.Exit(1)


def _show(found: list[Verified]) -> None:
    from rich.table import Table

    if not found:
        console.out.print("The card reports no score.")
        return
    table = Table("file", "dataset", "score", "value", "", "why")
    for each in found:
        style = "red" if each.verdict == "altered" else "green" if each.verdict == "genuine" else ""
        table.add_row(
            each.where, each.dataset, each.score, str(each.value), each.verdict, each.why, style=style
        )
    console.out.print(table)
