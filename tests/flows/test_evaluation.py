"""The evaluate flow through a real Prefect server into a real MLflow store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
from mlflow import MlflowClient

from flows.evaluation import ModelsFailed, evaluate
from tasks import home as places
from tasks.errors import BadEvaluation, BadLabels, NotFound, Refused, UnknownName
from tasks.report import as_json, markdown
from tasks.spec import Dataset, Metric, Model, Settings
from tasks.tracking import mlflow_store

pytestmark = pytest.mark.usefixtures("prefect_server")

TABLES = ("samples.json", "predictions.parquet", "per_class.json")
PICTURES = (
    "confusion_matrix.png",
    "confusion_matrix.html",
    "per_class.png",
    "roc_curve.png",
    "precision_recall.png",
    "reliability.png",
    "score_distribution.png",
    "mistakes.html",
)
"""What every run of image classification has, under the same names: MLflow lays them side by side."""

AGREEMENT = """
import datasets
import evaluate


class Agreement(evaluate.Metric):
    def _info(self):
        labels = {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
        return evaluate.MetricInfo(
            description="Share of equal labels.",
            citation="",
            inputs_description="",
            features=datasets.Features(labels),
        )

    def _compute(self, predictions, references):
        equal = [one == other for one, other in zip(predictions, references)]
        return {"share": sum(equal) / len(equal)}
"""


def digits(demo: Path, **more: Any) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": Dataset(path=str(demo / "data" / "digits"), split="test", limit=120),
        "models": [
            Model(name=str(demo / "models" / "digits-vit-nano")),
            Model(name=str(demo / "models" / "digits-resnet")),
        ],
        "metrics": [Metric(name="accuracy"), Metric(name="f1")],
        "settings": Settings(chunk_rows=50),
        **more,
    }


def runs(kind: str) -> list[Any]:
    store = mlflow_store.client()
    experiments = [each.experiment_id for each in store.search_experiments()]
    return list(store.search_runs(experiments, f"tags.`assay.kind` = '{kind}'"))


def test_scores_pins_and_artifacts_are_in_mlflow(demo: Path) -> None:
    reports = evaluate(**digits(demo))
    store = MlflowClient(places.tracking_uri())
    (parent,) = runs("evaluation")
    children = {run.data.tags["assay.model"]: run for run in runs("run")}
    assert parent.info.status == "FINISHED"
    assert set(children) == {"digits-vit-nano", "digits-resnet"}
    assert [report.best for report in reports] == [False, True]
    kept = []
    for report in reports:
        run = children[report.model]
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.run_id == report.mlflow_run_id
        for key, score in report.scores.items():
            assert run.data.metrics[key] == score.value
            # A score that is perfect on so few rows has no bootstrap interval; accuracy has one always.
            assert score.low is not None or (key, score.value) == ("f1_macro", 1.0)
            assert run.data.metrics.get(f"interval/{key}_low") == score.low
            assert run.data.metrics.get(f"interval/{key}_high") == score.high
        params = run.data.params
        assert len(params["model_commit"]) == 64
        assert len(params["dataset_revision"]) == 64
        assert json.loads(params["columns"]) == {"image": "image", "label": "label"}
        assert {"version_torch", "version_transformers", "dtype", "seed"} <= set(params)
        (dataset,) = run.inputs.dataset_inputs
        assert dataset.dataset.name == "digits test (120 rows)"
        assert {tag.key: tag.value for tag in dataset.tags}["split"] == "test"
        (output,) = run.outputs.model_outputs
        model = store.get_logged_model(output.model_id)
        assert model.name == report.model
        assert {metric.key: metric.value for metric in model.metrics}["accuracy"] == report.scores[
            "accuracy"
        ].value
        names = {file.path for file in store.list_artifacts(run.info.run_id)}
        assert {*TABLES, *PICTURES} <= names
        kept.append(names)
        table = pd.read_parquet(store.download_artifacts(run.info.run_id, "predictions.parquet"))
        assert len(table) == 120
        assert (table.label == table.reference_label).mean() == report.scores["accuracy"].value
        note = run.data.tags["mlflow.note.content"]
        assert report.model in note
        # The line of code that the description gives is run as it stands.
        given: dict[str, Any] = {}
        exec(note.partition("```python\n")[2].partition("\n```")[0], given)
        pd.testing.assert_frame_equal(given["table"], table)
    assert kept[0] == kept[1]
    compared = {file.path for file in store.list_artifacts(parent.info.run_id)}
    assert {"forest.png", "pairwise.png", "quality_by_speed.png", "side_by_side.png"} <= compared
    assert "forest.png" in parent.data.tags["mlflow.note.content"]


def test_a_second_evaluation_reuses_predictions_and_a_new_metric_needs_no_model(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(**digits(demo))

    def never(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tasks.inference.loading.model", never)
    again = evaluate(**digits(demo, metrics=[Metric(name="matthews_correlation"), Metric(name="accuracy")]))
    assert [report.reused_rows for report in again] == [120, 120]
    for one, two in zip(first, again, strict=True):
        assert one.scores["accuracy"] == two.scores["accuracy"]
    assert len(runs("evaluation")) == 2


def test_a_streamed_dataset_is_tracked_with_the_rows_it_turned_out_to_have(
    demo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "digits.parquet"
    rows = datasets.load_from_disk(str(demo / "data" / "digits"))["test"].select(range(130))
    rows.to_parquet(path)
    whole = evaluate(**digits(demo, dataset=Dataset(path=str(path))))
    streamed = evaluate(
        **digits(demo, dataset=Dataset(path=str(path), streaming=True), settings=Settings(reuse=False))
    )
    assert [report.rows for report in streamed] == [130, 130]
    for one, two in zip(whole, streamed, strict=True):
        assert one.scores == two.scores
    store = MlflowClient(places.tracking_uri())
    shown = []
    for report in (whole[0], streamed[0]):
        path = Path(store.download_artifacts(report.mlflow_run_id, "samples.json"))
        rows_shown = json.loads(path.read_text(encoding="utf-8"))["data"]
        shown.append([(number, image["type"], *labels[:2]) for number, image, *labels in rows_shown])
    assert shown[0] == shown[1]
    assert len(shown[0]) == 24


def test_one_model_that_fails_does_not_take_the_others_along(demo: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(demo / "models" / "digits-resnet", broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    models = [Model(name=str(demo / "models" / "digits-resnet")), Model(name=str(broken))]
    with pytest.raises(ModelsFailed, match="'broken' failed"):
        evaluate(**digits(demo, models=models))
    (run,) = runs("run")
    assert run.data.tags["assay.model"] == "digits-resnet"
    assert run.info.status == "FINISHED"
    assert runs("evaluation")[0].info.status == "FAILED"


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"metrics": [Metric(name="acuracy")]}, UnknownName, "Did you mean 'accuracy'"),
        (
            {"metrics": [Metric(name="wer")]},
            BadEvaluation,
            "judges texts, and image-classification gives labels",
        ),
        (
            {"metrics": [Metric(name="f1", arguments={"average": "makro"})]},
            UnknownName,
            "there are: macro, micro, weighted, binary. Did you mean 'macro'",
        ),
        ({"columns": {"image": "picture"}}, UnknownName, "there are: image, label"),
        ({"models": [Model(name="./nothing/here")]}, NotFound, "There is no model folder"),
        (
            {"settings": Settings(groups="lable")},
            UnknownName,
            "There is no column in 'digits' (for groups) 'lable'; there are: image, label. Did you mean",
        ),
        ({"settings": Settings(groups="image")}, BadEvaluation, "The column 'image' holds image, and groups"),
        (
            {"settings": Settings(test="mcnemar"), "metrics": [Metric(name="f1")]},
            BadEvaluation,
            "The test mcnemar needs a plain share of rows, as accuracy, and 'f1', the first metric, is none",
        ),
        (
            {"settings": Settings(test="wilcoxon", groups="label")},
            BadEvaluation,
            "test rows in groups by bootstrap or randomisation",
        ),
    ],
)
def test_what_cannot_run_is_said_before_a_model_loads(
    demo: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], kind: type[Exception], words: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tasks.inference.loading.model", never)
    with pytest.raises(kind) as caught:
        evaluate(**digits(demo, **change))
    assert words in str(caught.value)
    assert runs("evaluation") == []


def test_a_module_of_hf_evaluate_runs_if_allowed_and_stands_beside_the_built_in_metrics(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "agreement"
    folder.mkdir()
    (folder / "agreement.py").write_text(AGREEMENT, encoding="utf-8")
    metrics = [Metric(name="accuracy"), Metric(name="evaluate", arguments={"module": str(folder)})]
    models = [Model(name=str(demo / "models" / "digits-vit-nano"))]

    with monkeypatch.context() as patch:

        def never(*_: object) -> None:
            raise AssertionError("a model was loaded")

        patch.setattr("tasks.inference.loading.model", never)
        with pytest.raises(Refused, match="allow_remote_code: true"):
            evaluate(**digits(demo, metrics=metrics, models=models))
    allowed = Settings(chunk_rows=50, allow_remote_code=True, resamples=100)
    (report,) = evaluate(**digits(demo, metrics=metrics, models=models, settings=allowed))
    share = report.scores["agreement/share"]
    assert share.value == report.scores["accuracy"].value
    assert share.low is not None
    assert share.n == 120
    (run,) = runs("run")
    assert run.data.metrics["agreement/share"] == share.value
    assert "HF evaluate module, SHA-256" in run.data.tags["assay.agreement"]


def test_intervals_groups_and_the_test_between_models_are_as_asked(demo: Path) -> None:
    alone = evaluate(**digits(demo))
    chosen = {"intervals": "bca", "groups": "label", "test": "randomisation"}
    grouped = evaluate(**digits(demo, settings=Settings(chunk_rows=50, **chosen)))
    row_wise = evaluate(**digits(demo, settings=Settings(chunk_rows=50, test="mcnemar")))
    assert [each.scores["accuracy"].method for each in (alone[0], grouped[0])] == ["wilson", "bca"]
    assert alone[0].scores["accuracy"].value == grouped[0].scores["accuracy"].value
    tests = [each[0].difference.test for each in (alone, grouped, row_wise) if each[0].difference]
    assert tests == ["paired bootstrap", "approximate randomisation", "McNemar, mid-p"]
    assert alone[1].difference is None
    assert alone[1].best
    written = as_json(alone)["runs"][0]
    assert written["scores"]["accuracy"]["method"] == "wilson"
    assert written["against_best"]["effect_name"] == "cohen_h"
    assert written["against_best"]["detectable"] > 0
    text = markdown(alone)
    assert "95% intervals: accuracy by Wilson's formula; f1_macro by the percentile bootstrap." in text
    assert "digits-vit-nano: -" in text
    assert "these rows can show a difference of" in text
    # One model is right in every row, so that no bootstrap gives its accuracy an interval.
    tags = [json.loads(run.data.tags["assay.intervals"]).get("accuracy") for run in runs("run")]
    assert sorted(map(str, tags)) == ["None", "bca", "wilson", "wilson", "wilson", "wilson"]


def test_labels_that_map_to_nothing_are_said_before_a_model_loads(demo: Path) -> None:
    models = [Model(name=str(demo / "models" / "messages-topic-small"))]
    with pytest.raises(BadLabels, match="No label of the model 'messages-topic-small' is called zero"):
        evaluate(**digits(demo, models=models))


def test_runs_of_a_killed_process_are_ended_as_killed(demo: Path) -> None:
    store = mlflow_store.client()
    experiment = mlflow_store.experiment(store, "digits")
    gone = store.create_run(
        experiment, tags={"assay.process": f"{__import__('socket').gethostname()}:999999:1"}
    )
    alive = store.create_run(experiment, tags={"assay.process": mlflow_store.this_process()})
    evaluate(**digits(demo, models=[Model(name=str(demo / "models" / "digits-resnet"))]))
    assert store.get_run(gone.info.run_id).info.status == "KILLED"
    assert store.get_run(alive.info.run_id).info.status == "RUNNING"
