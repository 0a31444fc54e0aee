"""What an installation is made of, given what was asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flows.installation import databases, postgres, records
from flows.installation.parts import Part
from flows.installation.processes import python
from flows.queue import worker
from flows.serving import protection
from flows.serving.protection import Protection
from flows.serving.servers import WITHOUT_JOBS
from tasks import home


@dataclass(frozen=True)
class Wishes:
    """What was asked for; kept for the next time, when only what is given anew changes.

    Attributes:
        host: The address that both servers listen on.
        prefect_port: Of Prefect's server.
        mlflow_port: Of MLflow's server.
        workers: How many.
        limit: Runs that each takes at a time.
        artifacts: Where MLflow's server keeps artifacts: a folder, or `s3://…`; left out, the data folder.
        postgres: The address of a PostgreSQL server; left out, one of the installation's own.
        postgres_port: Of one's own.
    """

    host: str = protection.LOOPBACK
    prefect_port: int = 4200
    mlflow_port: int = 5000
    workers: int = 1
    limit: int = worker.LIMIT
    artifacts: str | None = None
    postgres: str | None = None
    postgres_port: int | None = None

    def protected(self) -> Protection:
        """Return what the servers and their clients get, its files written.

        Raises:
            BadEvaluation: Others can reach the address, and there is no password.
        """
        return protection.prepared(self.host, (self.prefect_port, self.mlflow_port), home.home())

    def database(self) -> str:
        """Return the address of the PostgreSQL server, with its password."""
        return self.postgres or postgres.url(self.postgres_port or 0)

    def keep(self) -> None:
        """Write them down."""
        records.write("wishes.json", asdict(self))


def kept() -> Wishes | None:
    """Return what was asked for the last time; None where there was none."""
    known: dict[str, Any] | None = records.read("wishes.json")
    return Wishes(**known) if known else None


def addresses(wishes: Wishes, protected: Protection) -> dict[str, str]:
    """Return where the pages are for people, and where the servers are for processes on this machine."""
    return {
        "prefect": f"http://{protected.name}:{wishes.prefect_port}",
        "mlflow": f"http://{protected.name}:{wishes.mlflow_port}",
        "prefect_api": f"{protected.near(wishes.prefect_port)}/api",
        "tracking": protected.near(wishes.mlflow_port),
    }


def clients(wishes: Wishes, protected: Protection) -> dict[str, str]:
    """Return the environment of what talks to the servers."""
    known = addresses(wishes, protected)
    return {
        "PREFECT_API_URL": known["prefect_api"],
        "PREFECT_UI_URL": known["prefect"],
        "MLFLOW_TRACKING_URI": known["tracking"],
        "ASSAY_MLFLOW_PAGES": known["mlflow"],
        **protected.clients,
    }


def parts(wishes: Wishes, protected: Protection, *, sentinel: bool = True) -> list[Part]:
    """Return what runs, in the order in which it is started.

    Args:
        wishes: What was asked for.
        protected: Who is let in, and how.
        sentinel: Whether the installation itself watches over its supervisor, as where nothing else does.
    """
    everyone = {
        "ASSAY_HOME": str(home.home()),
        "PREFECT_HOME": str(home.home() / "prefect"),
        "PYTHONUNBUFFERED": "1",
    }
    told = {**everyone, **clients(wishes, protected)}
    deployment = Part(
        "deployment", python("flows.installation.deploying"), told, needs=("prefect",), once=True
    )
    workers = [
        Part(
            f"worker-{number}",
            tuple(worker.command(wishes.limit, f"{socket.gethostname()} {number}")),
            {**worker.DEFAULTS, **_given(worker.DEFAULTS), **told},
            needs=("prefect", "mlflow", "deployment"),
            leaves=True,
        )
        for number in range(1, wishes.workers + 1)
    ]
    watching = [Part("sentinel", python("flows.installation.sentinel"), everyone, leaves=True)]
    return [*_servers(wishes, protected, everyone), deployment, *workers, *(watching if sentinel else [])]


def _servers(wishes: Wishes, protected: Protection, everyone: Mapping[str, str]) -> list[Part]:
    urls = databases.addresses(wishes.database())
    near = clients(wishes, protected)
    own = [] if wishes.postgres else [postgres.part(wishes.postgres_port or 0)]
    database = tuple(part.name for part in own)
    established = Part(
        "databases",
        python("flows.installation.databases"),
        {**everyone, databases.URL: wishes.database()},
        needs=database,
        once=True,
    )
    prefect = Part(
        "prefect",
        python("flows.serving.gate", "--host", wishes.host, "--port", str(wishes.prefect_port)),
        {**everyone, "PREFECT_API_DATABASE_CONNECTION_URL": urls["prefect"], **protected.prefect},
        needs=(*database, "databases"),
        health=f"{near['PREFECT_API_URL']}/health",
    )
    # MLflow takes a password from its environment only the first time.
    users = Part(
        "users",
        python("flows.serving.mlflow_users"),
        {**everyone, **protected.mlflow},
        ("databases",),
        once=True,
    )
    artifacts = wishes.artifacts or home.artifact_folder().as_uri()
    mlflow = Part(
        "mlflow",
        python(
            *("mlflow", "server", "--host", wishes.host, "--port", str(wishes.mlflow_port)),
            *("--workers", "2", "--serve-artifacts", "--artifacts-destination", artifacts),
            *protected.arguments,
        ),
        # In a command everybody on the machine could read the address, and with it the password.
        {**everyone, "MLFLOW_BACKEND_STORE_URI": urls["mlflow"], **WITHOUT_JOBS, **protected.mlflow},
        needs=(*database, "users" if protected.asked else "databases"),
        health=f"{near['MLFLOW_TRACKING_URI']}/health",
    )
    return [*own, established, prefect, *([users] if protected.asked else []), mlflow]


def _given(names: Iterable[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}
