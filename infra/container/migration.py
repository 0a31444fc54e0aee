"""`python -m infra.container.migration`: make databases and buckets, and bring the schemas up to date.

Run once before the servers of a new version, by any number at once and as often as one likes: a lock in
PostgreSQL lets one at a time do it, and the next finds nothing to do. With `--wait` it only waits until it
has been done, which is what servers do before they start.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

PREFECT = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
MLFLOW = "MLFLOW_BACKEND_STORE_URI"
BUCKETS = ("MLFLOW_ARTIFACTS_DESTINATION", "ASSAY_CHUNKS")
LOCK = 0x61737361
"""The advisory lock's number, which only has to be the same everywhere."""
PAUSE = 2.0
PATIENCE = 600.0
"""Seconds to wait for PostgreSQL, S3 or another's migration."""


class NotMigrated(Exception):
    """It cannot be done; the message says what was seen last."""


def versions() -> tuple[str, str]:
    """Return which schemas this image needs: Prefect's and MLflow's versions."""
    return version("prefect"), version("mlflow")


def plain(url: str, database: str | None = None) -> str:
    """Return a URL as libpq reads it: without SQLAlchemy's driver, and of another database if one is named.

    >>> plain("postgresql+asyncpg://a:b%40@host:5432/prefect", "postgres")
    'postgresql://a:b%40@host:5432/postgres'
    """
    parts = urlsplit(url)
    path = parts.path if database is None else f"/{database}"
    return parts._replace(scheme=parts.scheme.partition("+")[0], path=path).geturl()


def buckets(environment: Mapping[str, str]) -> list[str]:
    """Return the buckets that the environment's S3 URLs name, each once.

    >>> buckets({"ASSAY_CHUNKS": "s3://assay/chunks", "MLFLOW_ARTIFACTS_DESTINATION": "s3://assay/runs"})
    ['assay']
    """
    urls = [urlsplit(environment.get(name, "")) for name in BUCKETS]
    return list(dict.fromkeys(url.netloc for url in urls if url.scheme == "s3"))


def migrate(environment: Mapping[str, str]) -> None:
    """Do everything that is to be done.

    Raises:
        NotMigrated: PostgreSQL or S3 did not answer in time.
        subprocess.CalledProcessError: A migration failed; what it said stands above.
    """
    import psycopg2

    with _locked(plain(environment[PREFECT], "postgres")) as server:
        for name in (PREFECT, MLFLOW):
            _create(server, urlsplit(environment[name]).path.lstrip("/"))
        _run(sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes")
        asyncio.run(_register_blocks())
        _migrate_mlflow(environment[MLFLOW])
        with psycopg2.connect(plain(environment[PREFECT])) as done, done.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS assay_migrations (prefect text, mlflow text, at timestamptz)"
            )
            cursor.execute("INSERT INTO assay_migrations VALUES (%s, %s, now())", versions())
    for bucket in buckets(environment):
        _establish(bucket)


def wait(environment: Mapping[str, str]) -> None:
    """Wait until the newest migration was for this image's versions.

    Raises:
        NotMigrated: It was not in time.
    """
    import psycopg2

    def done() -> bool:
        with psycopg2.connect(plain(environment[PREFECT])) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT prefect, mlflow FROM assay_migrations ORDER BY at DESC LIMIT 1")
            return bool(cursor.fetchone() == versions())

    _until(done, f"the migration for Prefect {versions()[0]} and MLflow {versions()[1]}", psycopg2.Error)


@contextmanager
def _locked(url: str) -> Iterator[Any]:
    """Hold the only right to migrate, on a connection that may create databases."""
    import psycopg2

    found: list[Any] = []

    def connected() -> bool:
        found.append(psycopg2.connect(url))
        return True

    _until(connected, "PostgreSQL", psycopg2.OperationalError)
    (connection,) = found
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            # The lock ends with the connection, however this process does.
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        yield connection
    finally:
        connection.close()


def _create(server: Any, database: str) -> None:
    from psycopg2 import sql

    with server.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            _say(f"database {database} created")


async def _register_blocks() -> None:
    """Write Prefect's kinds of blocks: of servers that first start at once and do it, one dies."""
    from prefect.server.database import provide_database_interface
    from prefect.server.models.block_registration import run_block_auto_registration

    async with provide_database_interface().session_context(begin_transaction=True) as session:
        await run_block_auto_registration(session=session)


def _migrate_mlflow(url: str) -> None:
    from mlflow import db
    from mlflow.server.auth.db import cli as accounts

    # Called here rather than as commands, so that no list of processes shows the address and its password.
    db.upgrade.main([url], standalone_mode=False)
    accounts.upgrade.main(["--url", url], standalone_mode=False)
    _say("MLflow's schema is up to date")


def _establish(bucket: str) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("s3")

    def there() -> bool:
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
            client.create_bucket(Bucket=bucket)
            _say(f"bucket {bucket} created")
        return True

    _until(there, "S3", (BotoCoreError, ClientError))


def _until(
    done: Any, what: str, passing: type[Exception] | tuple[type[Exception], ...], patience: float = PATIENCE
) -> None:
    deadline = time.monotonic() + patience
    seen: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except passing as error:
            seen = error
        time.sleep(PAUSE)
    raise NotMigrated(f"Waited {patience:.0f} seconds for {what}, in vain: {seen or 'it is not done'}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _say(done: str) -> None:
    print(done, flush=True)


def main() -> None:
    """Migrate, or wait for who does."""
    try:
        (wait if sys.argv[1:] == ["--wait"] else migrate)(os.environ)
    except NotMigrated as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
