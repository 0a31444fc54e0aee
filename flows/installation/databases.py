"""The two databases, Prefect's and MLflow's: their addresses, and the step that makes and upgrades them."""

from __future__ import annotations

import os
import sys

from tasks.errors import AssayError, BadEvaluation

URL = "ASSAY_POSTGRES_URL"
OLDEST = 140009
"""The oldest PostgreSQL that Prefect works on: 14.9."""


class DatabaseRefused(AssayError):
    """PostgreSQL does not answer, does not let one in, or is too old."""


def addresses(server: str) -> dict[str, str]:
    """Return the addresses of both databases, each as its program wants it.

    Args:
        server: `postgresql://user:password@host:port`; a database named in it becomes a prefix.

    Raises:
        BadEvaluation: It is not such an address.

    >>> addresses("postgresql://a:b@db:5432/team?sslmode=require")["prefect"]
    'postgresql+asyncpg://a:b@db:5432/team_prefect?ssl=require'
    >>> addresses("postgres://a:b@db")["mlflow"]
    'postgresql+psycopg2://a:b@db/mlflow'
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    form = "postgresql://user:password@host:5432"
    try:
        given = make_url(server)
    except ArgumentError:
        raise BadEvaluation(f"The address in {URL} cannot be read; it looks like {form}.") from None
    if given.drivername.partition("+")[0] not in {"postgresql", "postgres"} or not given.host:
        raise BadEvaluation(f"The address in {URL} is no PostgreSQL server's; it looks like {form}.")
    prefix = f"{given.database}_" if given.database else ""
    mlflow = given.set(drivername="postgresql+psycopg2", database=f"{prefix}mlflow")
    prefect = given.set(drivername="postgresql+asyncpg", database=f"{prefix}prefect")
    if "sslmode" in prefect.query:
        prefect = prefect.difference_update_query(["sslmode"]).update_query_dict(
            {"ssl": str(given.query["sslmode"])}
        )
    return {
        "prefect": prefect.render_as_string(hide_password=False),
        "mlflow": mlflow.render_as_string(hide_password=False),
    }


def establish(server: str) -> None:
    """Make the databases that are not there, and bring MLflow's tables to the installed version.

    Prefect's server does the latter by itself when it starts.

    Raises:
        DatabaseRefused: The server does not answer, refuses, or is too old.
    """
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import OperationalError, ProgrammingError

    mlflow = make_url(addresses(server)["mlflow"])
    names = [str(make_url(each).database) for each in addresses(server).values()]
    engine = create_engine(mlflow.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            version = int(str(connection.execute(text("SHOW server_version_num")).scalar()))
            if version < OLDEST:
                raise DatabaseRefused(
                    f"The PostgreSQL server at {mlflow.host} is {version // 10000}.{version % 10000}; "
                    "Prefect needs 14.9 or newer."
                )
            there = set(connection.execute(text("SELECT datname FROM pg_database")).scalars())
            for name in names:
                if name not in there:
                    connection.execute(text(f'CREATE DATABASE "{name}"'))
    except (OperationalError, ProgrammingError) as error:
        said = str(error.orig).strip().splitlines()[0]
        raise DatabaseRefused(f"The PostgreSQL server at {mlflow.host} refuses: {said}.") from error
    finally:
        engine.dispose()
    tables = create_engine(mlflow)
    try:
        upgrade = inspect(tables).has_table("alembic_version")
    finally:
        tables.dispose()
    if upgrade:
        from mlflow.db import commands

        commands.main(
            ["upgrade", mlflow.render_as_string(hide_password=False)], standalone_mode=False, prog_name="db"
        )


def main() -> None:
    """Be the step of the installation; the server's address is in the environment."""
    try:
        establish(os.environ[URL])
    except AssayError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
