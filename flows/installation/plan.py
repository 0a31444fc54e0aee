"""What an installation is made of, given what was asked for."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from typing import Any

from flows import worker
from flows.installation import databases, postgres, records
from flows.installation.parts import Part
from flows.installation.processes import python
from flows.servers import WITHOUT_JOBS
from tasks import home

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Wishes:
    """What was asked for; kept for the next time, when only what is given anew changes.

    Attributes:
        prefect_port: Of Prefect's server.
        mlflow_port: Of MLflow's server.
        workers: How many.
        limit: Runs that each takes at a time.
        artifacts: Where MLflow's server keeps artifacts: a folder, or `s3://…`; left out, the data folder.
        postgres: The address of a PostgreSQL server; left out, one of the installation's own.
        postgres_port: Of one's own.
    """

    prefect_port: int = 4200
    mlflow_port: int = 5000
    workers: int = 1
    limit: int = worker.LIMIT
    artifacts: str | None = None
    postgres: str | None = None
    postgres_port: int | None = None

    @property
    def prefect(self) -> str:
        """The address of Prefect's pages."""
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def mlflow(self) -> str:
        """The address of MLflow's pages."""
        return f"http://{HOST}:{self.mlflow_port}"

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


def clients(wishes: Wishes) -> dict[str, str]:
    """Return the environment of what talks to the servers."""
    return {
        "PREFECT_API_URL": f"{wishes.prefect}/api",
        "MLFLOW_TRACKING_URI": wishes.mlflow,
        "ASSAY_MLFLOW_PAGES": wishes.mlflow,
    }


def parts(wishes: Wishes, *, sentinel: bool = True) -> list[Part]:
    """Return what runs, in the order in which it is started.

    Args:
        wishes: What was asked for.
        sentinel: Whether the installation itself watches over its supervisor, as where nothing else does.
    """
    everyone = {
        "ASSAY_HOME": str(home.home()),
        "PREFECT_HOME": str(home.home() / "prefect"),
        "PYTHONUNBUFFERED": "1",
    }
    urls = databases.addresses(wishes.database())
    own = [] if wishes.postgres else [postgres.part(wishes.postgres_port or 0)]
    database = tuple(part.name for part in own)
    servers = [
        Part(
            "databases",
            python("flows.installation.databases"),
            {**everyone, databases.URL: wishes.database()},
            needs=database,
            once=True,
        ),
        Part(
            "prefect",
            python("prefect", "server", "start", "--host", HOST, "--port", str(wishes.prefect_port)),
            {
                **everyone,
                "PREFECT_API_DATABASE_CONNECTION_URL": urls["prefect"],
                "PREFECT_UI_API_URL": f"{wishes.prefect}/api",
            },
            needs=(*database, "databases"),
            health=f"{wishes.prefect}/api/health",
        ),
        Part(
            "mlflow",
            python(
                *("mlflow", "server", "--host", HOST, "--port", str(wishes.mlflow_port), "--workers", "1"),
                *("--artifacts-destination", wishes.artifacts or home.artifact_folder().as_uri()),
                "--serve-artifacts",
            ),
            # In a command everybody on the machine could read the address, and with it the password.
            {**everyone, "MLFLOW_BACKEND_STORE_URI": urls["mlflow"], **WITHOUT_JOBS},
            needs=(*database, "databases"),
            health=f"{wishes.mlflow}/health",
        ),
    ]
    workers = [
        Part(
            f"worker-{number}",
            tuple(worker.command(wishes.limit, f"{socket.gethostname()} {number}")),
            {**worker.DEFAULTS, **_given(worker.DEFAULTS), **everyone, **clients(wishes)},
            needs=("prefect", "mlflow", "deployment"),
            leaves=True,
        )
        for number in range(1, wishes.workers + 1)
    ]
    deployment = Part(
        "deployment",
        python("flows.installation.deploying"),
        {**everyone, **clients(wishes)},
        needs=("prefect",),
        once=True,
    )
    watching = [Part("sentinel", python("flows.installation.sentinel"), everyone, leaves=True)]
    return [*own, *servers, deployment, *workers, *(watching if sentinel else [])]


def _given(names: Any) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}
