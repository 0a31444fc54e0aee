"""`assay up`: a team's installation on this machine, which goes on by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from flows import console, environment


def up(
    prefect_port: Annotated[int | None, typer.Option(help="Port of Prefect's server, else 4200.")] = None,
    mlflow_port: Annotated[int | None, typer.Option(help="Port of MLflow's server, else 5000.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many workers, else 1.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Runs that each takes at a time, else 2.")] = None,
    artifacts: Annotated[
        str | None, typer.Option(help="Where artifacts go: a folder, or s3://…; else the data folder.")
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option(
            envvar="ASSAY_POSTGRES_URL",
            show_envvar=True,
            help="A PostgreSQL server, postgresql://user:password@host:port; else one of its own.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on, else this machine's own; any other needs ASSAY_PASSWORD."),
    ] = None,
    foreground: Annotated[
        bool, typer.Option(help="Stay, and stop everything when told to: for systemd and containers.")
    ] = False,
) -> None:
    """Start the servers on PostgreSQL and workers, all watched over; what is not given is as it was last."""
    environment.prepare(quiet=False)
    from dataclasses import asdict

    from flows.installation import control, records
    from flows.installation.plan import Wishes, kept

    given = {
        "host": host,
        "prefect_port": prefect_port,
        "mlflow_port": mlflow_port,
        "workers": workers,
        "limit": limit,
        "artifacts": artifacts,
        "postgres": postgres,
    }
    wishes = Wishes(**{**asdict(kept() or Wishes()), **{k: v for k, v in given.items() if v is not None}})
    if control.is_running():
        console.out.print("It runs already; `assay doctor` says how it is.")
        _tell(control.addresses())
        return
    if foreground:
        from flows.installation import supervisor

        control.prepare(wishes, watched=False)
        _tell(control.addresses())
        supervisor.main()
        return
    with console.aside.status("starting the installation …") as status:
        control.start(wishes, lambda part: status.update(f"{part} works …"))
    _tell(control.addresses())
    console.out.print(f"Logs     {records.logs()}")
    console.out.print("Stop it with: assay down")


def _tell(pages: Mapping[str, str]) -> None:
    console.out.print(f"Prefect  {pages['prefect']}   start an evaluation, watch it run")
    console.out.print(f"MLflow   {pages['mlflow']}   compare models")
