"""`assay suite`: run several evaluations together and compare them in one table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment, foreground
from flows.serving import companion
from tasks import home, suites
from tasks.errors import BadEvaluation

if TYPE_CHECKING:
    from tasks.board.scoreboard import Scoreboard
    from tasks.suites import Suite


def suite(
    name: Annotated[
        str, typer.Argument(help="A suite file, or the name of a shipped one (see `assay list`).")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Models in place of the suite's, for every evaluation that names none; repeatable."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Evaluate on a seeded sample of this many rows of each dataset.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run every evaluation of a suite, each model loaded once, and compare them in one table."""
    # The demo's suites ship with Assay; their data lies where `make demo` put it.
    os.environ.setdefault("ASSAY_DEMO", str(home.home() / "demo"))
    asked = _asked(name, model or [], limit)
    environment.prepare()
    with companion.server() as prefect:
        board = _run(asked, prefect, as_json)
    for label, why in board.failures.items():
        console.fail(f"{label}: {why}")
    if board.failures:
        raise typer.Exit(2 if all(each.mistake for each in board.columns if each.failure) else 1)


def _asked(name: str, models: list[str], limit: int | None) -> Suite:
    """Read a suite, with what the flags change about it, and check it whole before anything starts."""
    if limit is not None and limit < 1:
        raise BadEvaluation(f"--limit is a number of rows above 0, not {limit}.")
    read = suites.read(suites.find(name)).model_dump(mode="json", exclude_unset=True)
    if models:
        read["models"] = models
    if limit is not None:
        for entry in read["evaluations"]:
            entry["dataset"] = {**(entry.get("dataset") or {}), "limit": limit}
    asked = suites.parse(read)
    suites.parts(asked)
    return asked


def _run(asked: Suite, prefect: companion.Companion | None, as_json: bool) -> Scoreboard:
    """Run a suite, print what it found, and return it, whether or not some of it failed."""
    with foreground.on_terminal(prefect, _flow) as flow:
        board = flow(asked)
    from tasks.board import scoreboard

    if as_json:
        print(json.dumps(scoreboard.as_json(board), ensure_ascii=False, allow_nan=False))
    else:
        console.out.print(scoreboard.table(board))
        count = "1 model load" if board.loads == 1 else f"{board.loads} model loads"
        console.out.print(f"{count} for {len(board.columns)} evaluations of {len(board.models)} models.\n")
    return board


def _flow() -> Callable[[Suite], Scoreboard]:
    """Return what runs a suite and gives its scores, whether or not some of it failed."""
    from flows.suite import SuiteFailed, parameters
    from flows.suite import suite as flow

    def run(asked: Suite) -> Scoreboard:
        try:
            board: Scoreboard = flow(**parameters(asked))
        except SuiteFailed as error:
            return error.board
        return board

    return run
