"""The suite flow through a real Prefect server into a real MLflow store: one load a model, one table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest
import transformers

from flows.evaluation import evaluate
from flows.serving.companion import free_port
from flows.suite import SuiteFailed, suite
from tasks.board import scoreboard
from tasks.suites import Entry, Suite, parts
from tasks.tracking import mlflow_store

pytestmark = pytest.mark.usefixtures("prefect_server")


def entry(demo: Path, name: str, split: str, models: list[str], **more: Any) -> Entry:
    given = {
        "name": name,
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": split, "limit": 60},
        "models": [str(demo / "models" / model) for model in models],
        "metrics": ["accuracy"],
        "settings": {"chunk_rows": 30, "resamples": 100},
    }
    return Entry.model_validate(given | more)


def runs(kind: str) -> list[Any]:
    store = mlflow_store.client()
    experiments = [each.experiment_id for each in store.search_experiments()]
    return list(store.search_runs(experiments, f"tags.`assay.kind` = '{kind}'"))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose weights transformers really read, in order."""
    read: list[str] = []
    really = transformers.AutoModelForImageClassification.from_pretrained

    def counted(place: str, **more: Any) -> Any:
        read.append(Path(place).name)
        return really(place, **more)

    monkeypatch.setattr(transformers.AutoModelForImageClassification, "from_pretrained", counted)
    return read


def test_a_matrix_loads_each_model_once_and_is_one_table(demo: Path, loads: list[str]) -> None:
    models = ["digits-vit-nano", "digits-resnet"]
    board = suite("matrix", [entry(demo, split, split, models) for split in ("train", "test")])
    assert loads == models
    assert board.loads == 2
    assert board.models == ("digits-vit-nano", "digits-resnet")
    assert scoreboard.mean_ranks(board) == {"digits-vit-nano": 2.0, "digits-resnet": 1.0}
    # Predictions the suite itself made are new, not reused ones.
    assert [each.reused_rows for column in board.columns for each in column.reports] == [0] * 4

    (parent,) = runs("suite")
    evaluations, children = runs("evaluation"), runs("run")
    assert parent.info.status == "FINISHED"
    assert {run.data.tags["mlflow.parentRunId"] for run in evaluations} == {parent.info.run_id}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {
        run.info.run_id for run in evaluations
    }
    assert {run.data.tags["assay.suite_run"] for run in children} == {parent.info.run_id}
    assert {run.info.experiment_id for run in (*evaluations, *children)} == {parent.info.experiment_id}
    assert parent.data.metrics["mean_rank/digits-resnet"] == 1.0
    assert parent.data.metrics["model_loads"] == 2
    assert "digits-vit-nano" in parent.data.tags["mlflow.note.content"]
    store = mlflow_store.client()
    table = json.loads(Path(store.download_artifacts(parent.info.run_id, "scores.json")).read_text("utf-8"))
    assert len(table["data"]) == 4

    again = suite("matrix", [entry(demo, split, split, models) for split in ("train", "test")])
    assert loads == models
    assert again.loads == 0
    assert [each.reused_rows for column in again.columns for each in column.reports] == [60] * 4
    assert scoreboard.records(again)["value"] == scoreboard.records(board)["value"]


def test_a_kept_model_predicts_as_a_fresh_one_streamed_rows_too(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "digits.parquet"
    datasets.load_from_disk(str(demo / "data" / "digits"))["test"].select(range(80)).to_parquet(path)
    models = ["digits-vit-nano", "digits-resnet"]
    streamed = {"dataset": {"path": str(path), "streaming": True}}
    entries = [entry(demo, "train", "train", models), entry(demo, "streamed", "test", models, **streamed)]
    board = suite("kept", entries)
    assert board.loads == 2
    assert [each.rows for each in board.columns[1].reports] == [80, 80]
    monkeypatch.setenv("ASSAY_CHUNKS", str(tmp_path / "elsewhere"))
    for part, column in zip(parts(Suite(name="kept", evaluations=entries)), board.columns, strict=True):
        alone = evaluate(**{key: getattr(part.evaluation, key) for key in type(part.evaluation).model_fields})
        assert [each.scores for each in alone] == [each.scores for each in column.reports]
        assert [each.reused_rows for each in alone] == [0, 0]


def test_what_fails_does_not_stop_the_others(demo: Path, tmp_path: Path, loads: list[str]) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(demo / "models" / "digits-resnet", broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    entries = [
        entry(demo, "no such split", "tset", ["digits-resnet"]),
        entry(demo, "half", "test", ["digits-resnet", str(broken)]),
        entry(demo, "whole", "train", ["digits-resnet"]),
    ]
    with pytest.raises(
        SuiteFailed, match=r"'no such split' failed: .* Did you mean 'test'.* 'half' failed"
    ) as caught:
        suite("failing", entries)
    missing, half, whole = caught.value.board.columns
    assert (missing.reports, whole.failure) == ((), None)
    assert [each.model for each in half.reports] == ["digits-resnet"]
    assert half.failure is not None
    assert "'broken' failed" in half.failure
    assert whole.reports[0].scores["accuracy"].n == 60
    # The broken model is tried once, not again by its evaluation.
    assert loads == ["digits-resnet", "broken"]
    assert runs("suite")[0].info.status == "FAILED"
    assert {run.data.tags["assay.model"] for run in runs("run")} == {"digits-resnet"}


def test_the_form_is_typed() -> None:
    schema = suite.parameters.model_dump()
    assert set(schema["properties"]) == {"name", "evaluations", "models", "settings"}
    entries = schema["definitions"]["Entry"]["properties"]
    assert {"config", "task", "dataset", "models", "columns", "metrics", "settings"} <= set(entries)
    assert "limit" in schema["definitions"]["Rows"]["properties"]
    assert "enum" in json.dumps(entries["task"])


def test_a_suite_goes_on_where_mlflow_does_not_answer(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ASSAY_TRACKING_PATIENCE", "0")
    board = suite("alone", [entry(demo, "whole", "test", ["digits-resnet"])])
    assert (board.mlflow_run_id, board.failures) == ("", {})
    assert board.columns[0].reports[0].scores["accuracy"].n == 60
