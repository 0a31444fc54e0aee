"""A run's own predictions.parquet, taken from MLflow, stands for the model beside another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.evaluation import evaluate
from tasks import home as places
from tasks.spec import Dataset, Metric, Model, Settings

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_logged_predictions_are_scored_and_compared_like_the_model(demo: Path, tmp_path: Path) -> None:
    rest = {
        "task": "image-classification",
        "dataset": Dataset(path=str(demo / "data" / "digits"), split="test", limit=80),
        "metrics": [Metric(name="accuracy"), Metric(name="f1"), Metric(name="log_loss")],
        "settings": Settings(chunk_rows=50),
    }
    model = Model(name=str(demo / "models" / "digits-vit-nano"))
    (own,) = evaluate(models=[model], **rest)
    store = MlflowClient(places.tracking_uri())
    file = store.download_artifacts(own.mlflow_run_id, "predictions.parquet", str(tmp_path))
    other = Model(name=str(demo / "models" / "digits-resnet"))
    replayed, better = evaluate(models=[Model(name="from elsewhere", predictions=file), other], **rest)
    assert replayed.model == "from elsewhere"
    assert replayed.scores == own.scores
    assert (replayed.best, better.best) == (False, True)
    assert better.scores["accuracy"].value > replayed.scores["accuracy"].value
    run = store.get_run(replayed.mlflow_run_id)
    assert run.data.params["engine"] == "file"
    assert len(run.data.params["model_commit"]) == 64
    names = {each.path for each in store.list_artifacts(replayed.mlflow_run_id)}
    assert {"samples.json", "predictions.parquet", "confusion_matrix.png"} <= names
