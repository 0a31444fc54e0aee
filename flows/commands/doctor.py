"""`assay doctor`: looks at every part and says what to mend."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows import console, environment

SIGNS = {"ok": "ok   ", "wrong": "WRONG", "note": "-    "}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every part, one line each, with what mends it; exit code 1 if anything is wrong."""
    from flows.installation.findings import look, wrong
    from tasks.errors import NoAccess

    asking = []
    try:
        environment.prepare()
    except NoAccess as error:
        asking = [wrong("password", str(error), "export ASSAY_PASSWORD=…")]
    from flows.installation import machine_checks, server_checks

    with console.aside.status("looking …"):
        found = [*asking, *look([*machine_checks.CHECKS, *server_checks.CHECKS])]
    if as_json:
        console.out.print(
            json.dumps([each.plain() for each in found], indent=2), markup=False, soft_wrap=True
        )
    else:
        for each in found:
            mend = f" -> {each.mend}" if each.mend else ""
            console.out.print(
                f"{SIGNS[each.state]} {each.about}: {each.says}{mend}", markup=False, soft_wrap=True
            )
    if any(each.state == "wrong" for each in found):
        raise typer.Exit(1)
