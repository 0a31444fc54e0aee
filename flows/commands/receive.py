"""`assay receive`: take the Hub's webhooks and start what they call for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment
from tasks.errors import BadEvaluation
from tasks.events import pushes

SECRET = "ASSAY_WEBHOOK_SECRET"
SHORTEST = 16


def receive(
    file: Annotated[
        Path, typer.Argument(help="What a push starts; left out, configs/triggers.yaml.")
    ] = pushes.SHIPPED,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
) -> None:
    """Take the Hub's webhooks and start the evaluations of what was pushed, as a YAML file says."""
    rules = pushes.read(file)
    secret = os.environ.get(SECRET, "")
    if len(secret) < SHORTEST:
        raise BadEvaluation(
            f"The environment variable {SECRET} holds the secret that the Hub sends along: "
            f"{SHORTEST} characters or more, the same as in the webhook's settings."
        )
    environment.prepare(quiet=False)
    environment.need_server("run evaluations")
    import uvicorn

    from flows.events.receiver import app

    count = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    console.out.print(f"Waiting for webhooks at http://{host}:{port}/ with {count}. Stop with Ctrl-C.")
    uvicorn.run(app(rules, secret), host=host, port=port, log_level="warning")
