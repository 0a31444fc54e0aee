"""An installation whose database is another server's and whose artifacts lie in object storage."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import fsspec
import pytest
from mlflow import MlflowClient
from prefect.client.schemas.objects import StateType
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from flows.installation import postgres, processes
from flows.serving.companion import free_port
from tests.fleet.buckets import bucket
from tests.installation.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PASSWORD = "p@ss:w/rd%20?"
"""What has to be written otherwise in an address."""


@contextmanager
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve PostgreSQL with a user who may make databases and nothing else; yield its address for them."""
    monkeypatch.setenv("ASSAY_HOME", str(folder))
    (folder / "installation").mkdir(parents=True)
    port = free_port()
    postgres.establish()
    server = processes.spawn(postgres.part(port))
    try:
        engine = create_engine(f"{postgres.url(port)}/postgres", isolation_level="AUTOCOMMIT")
        until = time.monotonic() + 60
        while True:
            try:
                with engine.connect() as connection:
                    connection.execute(text(f"CREATE ROLE team LOGIN CREATEDB PASSWORD '{PASSWORD}'"))
                break
            except OperationalError:
                assert time.monotonic() < until
                time.sleep(0.2)
        engine.dispose()
        yield f"postgresql://team:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
    finally:
        processes.end(server, 2, 30)


def test_scores_go_to_the_server_that_is_named_and_artifacts_to_the_bucket(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="assay-elsewhere-") as folder,
        served(Path(folder) / "database", monkeypatch) as database,
        bucket(monkeypatch) as chunks,
    ):
        artifacts = f"{chunks.rpartition('/')[0]}/mlflow"
        team = Team(Path(folder) / "assay", demo, "--artifacts", artifacts)
        team.commands.environment["ASSAY_POSTGRES_URL"] = database
        try:
            team.up()
            assert "postgres" not in team.pids()
            run = team.ended(
                team.submit(
                    {
                        "task": "image-classification",
                        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 60},
                        "models": [{"name": str(demo / "models" / "digits-vit-nano")}],
                    }
                )
            )
            assert run.state_type is StateType.COMPLETED, run.state
            (judged,) = MlflowClient(team.commands.mlflow).search_runs(
                ["1"], f"tags.`assay.prefect_run` = '{run.id}' and tags.`assay.kind` = 'run'"
            )
            names = fsspec.filesystem("s3").find(artifacts)
            assert any(judged.info.run_id in name and name.endswith("predictions.parquet") for name in names)
            assert not (team.home / "artifacts").exists()
            engine = create_engine(f"{database}/mlflow")
            with engine.connect() as connection:
                kept = connection.execute(text("SELECT run_uuid FROM runs")).scalars().all()
            engine.dispose()
            assert judged.info.run_id in kept
            found = {each["about"]: each for each in json.loads(team.commands.assay("doctor", "--json"))}
            assert [each for each in found.values() if each["state"] == "wrong"] == []
            assert found["PostgreSQL"]["state"] == "ok"
            assert str(urlsplit(database).port) in found["PostgreSQL"]["says"]
            # The password is told to nobody.
            assert PASSWORD not in json.dumps(found)
            # Nothing has to be said twice.
            team.down()
            del team.commands.environment["ASSAY_POSTGRES_URL"]
            team.up()
            assert "postgres" not in team.pids()
            assert MlflowClient(team.commands.mlflow).get_run(judged.info.run_id).info.status == "FINISHED"
        finally:
            team.down()
