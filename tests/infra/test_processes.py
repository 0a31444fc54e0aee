"""compose.yaml's commands and environment, run as processes (composition.py says what stands in)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from mlflow import MlflowClient

from tests.infra.composition import ROOT, Composition

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def assay(installation: Composition, *arguments: str) -> str:
    """Run a command of Assay's as a container beside the workers would."""
    entry = installation.command("worker")[: -len(installation.services["worker"]["command"])]
    done = subprocess.run(
        [*entry, sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env=installation.environment("worker", "console"),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{installation.said('worker')}"
    return done.stdout


def bucket(installation: Composition) -> Any:
    stated = installation.environment("worker")
    return boto3.client(
        "s3",
        endpoint_url=stated["AWS_ENDPOINT_URL"],
        aws_access_key_id=stated["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=(installation.secrets / "s3_secret").read_text().rstrip("\n"),
        region_name=stated["AWS_DEFAULT_REGION"],
    )


def objects(installation: Composition, prefix: str) -> list[str]:
    found = bucket(installation).list_objects_v2(Bucket="assay", Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", [])]


def store(installation: Composition, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "assay")
    monkeypatch.setenv(
        "MLFLOW_TRACKING_PASSWORD", (installation.secrets / "mlflow_password").read_text().rstrip("\n")
    )
    return MlflowClient(f"http://127.0.0.1:{installation.port(5000)}")


def evaluation(demo: Path, folder: Path, rows: int) -> str:
    """Write an evaluation of the demo's digits, and return its file."""
    file = folder / f"digits-{rows}.yaml"
    asked = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": rows},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
        "metrics": ["accuracy"],
    }
    file.write_text(yaml.safe_dump(asked), encoding="utf-8")
    return str(file)


def test_an_evaluation_goes_through_every_part(
    installation: Composition, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = assay(installation, "submit", "--wait", evaluation(demo, tmp_path, 10))
    assert "completed" in said
    client = store(installation, monkeypatch)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`assay.kind` = 'run'")
    assert run.info.status == "FINISHED"
    assert 0 < run.data.metrics["accuracy"] <= 1
    # Its files came through MLflow's server, the predictions from the worker itself.
    assert any(run.info.run_id in key for key in objects(installation, "mlflow/"))
    assert any(key.endswith(".parquet") for key in objects(installation, "chunks/"))
    # The page it names is the proxy's, which people can reach.
    assert f"https://{installation.environment('proxy')['ASSAY_PREFECT_HOST']}/" in said


def test_a_second_migration_finds_nothing_to_do(installation: Composition) -> None:
    before = installation.said("migration", 100_000)
    assert "database prefect created" in before
    installation.start("migration", "migration-again")
    installation.finished("migration-again")
    after = installation.said("migration-again", 100_000)
    assert "created" not in after
    assert "Creating initial" not in after
