"""`assay ui`: Prefect's and MLflow's pages, and the form."""

from __future__ import annotations

from typing import Annotated

import typer

from flows import environment


def ui(
    prefect_port: Annotated[int, typer.Option(help="Port of Prefect's server.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's server.")] = 5000,
    detach: Annotated[bool, typer.Option(help="Leave the servers running and return.")] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs ASSAY_PASSWORD.")
    ] = "127.0.0.1",
    stop: Annotated[bool, typer.Option(help="Stop servers left running.")] = False,
) -> None:
    """Start Prefect's and MLflow's servers and the evaluate form; print their addresses."""
    from flows.serving import servers

    if stop:
        servers.stop()
        return
    environment.prepare(quiet=False)
    servers.start(prefect_port, mlflow_port, detach=detach, host=host)
