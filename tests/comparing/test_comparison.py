"""Finished runs compared: on the same rows, by the right tests, with the rows on which they differ."""

from __future__ import annotations

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest

from tasks.compare import pairwise
from tasks.comparing import comparison_report
from tasks.comparing.comparison import compare
from tasks.comparing.comparison_page import page
from tasks.errors import BadEvaluation, NotFound
from tasks.metrics.comparison import holm, paired
from tasks.tracking import finished, mlflow_store
from tests.runs import tracked

MODELS = ("digits-vit-nano", "digits-vit-small", "digits-resnet")


def digits(demo: Path, *models: str, **more: Any) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 120},
        "columns": {"image": "image", "label": "label"},
        "models": [str(demo / "models" / name) for name in models or MODELS],
        "metrics": ["accuracy", {"name": "f1", "average": "macro"}],
        **more,
    }


def predictions(run_id: str) -> pd.DataFrame:
    return pd.read_parquet(mlflow_store.client().download_artifacts(run_id, "predictions.parquet"))


def test_every_two_runs_are_tested_and_corrected_over_the_pairs(demo: Path) -> None:
    run_ids = tracked(digits(demo))
    found = compare(run_ids)
    assert found.titles == MODELS
    assert found.rows == 120
    right = [predictions(run_id) for run_id in run_ids]
    for scores, table in zip(found.scores, right, strict=True):
        assert scores["accuracy"].value == (table.label == table.reference_label).mean()
    by_accuracy = [pair for pair in found.pairs if pair.score == "accuracy"]
    assert [(pair.one, pair.other) for pair in by_accuracy] == [(0, 1), (0, 2), (1, 2)]
    assert len(found.pairs) == 6
    runs = finished.find(run_ids)
    plan = finished.plan(runs[0].record)
    measured = pairwise(plan, [finished.contender(run) for run in runs]).measured
    for key, place in (("accuracy", 0), ("f1_macro", 1)):
        alone = [
            paired(measured[one][place], measured[other][place])[key]
            for one, other in ((0, 1), (0, 2), (1, 2))
        ]
        pairs = [pair.difference for pair in found.pairs if pair.score == key]
        assert [each.value for each in pairs] == [each.value for each in alone]
        assert [(each.low, each.high) for each in pairs] == [(each.low, each.high) for each in alone]
        assert [each.p_value for each in pairs] == holm([each.p_value for each in alone])


def test_the_rows_on_which_runs_differ_are_those_whose_answers_differ(demo: Path, tmp_path: Path) -> None:
    run_ids = tracked(digits(demo))
    tables = [predictions(run_id) for run_id in run_ids]
    labels = pd.DataFrame({name: table.label for name, table in zip(MODELS, tables, strict=True)})
    differ = {int(row) for row in labels.index[labels.nunique(axis=1) > 1]}
    found = compare(run_ids).disagreements
    assert found.count == len(differ) > 3
    assert {row["row"] for row in found.shown} == differ
    for row in found.shown:
        assert {name: row[f"{name}: prediction"] for name in MODELS} == labels.loc[row["row"]].to_dict()
        assert row["reference"] == tables[0].reference_label[row["row"]]
    # Rows that one model gets right and another wrong come before those that all get wrong differently.
    split = [len({row[f"{name}: right"] for name in MODELS}) == 2 for row in found.shown]
    assert split == sorted(split, reverse=True)
    capped = compare(run_ids, most=2)
    assert (len(capped.disagreements.shown), capped.disagreements.count) == (2, len(differ))
    assert f"{len(differ) - 2} more" in comparison_report.markdown(capped)
    for ending in (".csv", ".jsonl", ".json"):
        path = tmp_path / f"rows{ending}"
        comparison_report.write_rows(compare(run_ids), path)
        text = path.read_text(encoding="utf-8")
        read = {
            ".csv": lambda text: list(csv.DictReader(text.splitlines())),
            ".jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
            ".json": json.loads,
        }[ending](text)
        assert {int(row["row"]) for row in read} == differ


def test_a_run_on_a_sample_is_compared_on_the_rows_it_shares_with_one_on_all(demo: Path) -> None:
    (few,) = tracked(digits(demo, "digits-resnet"))
    whole = {"path": str(demo / "data" / "digits"), "split": "test"}
    (every,) = tracked(digits(demo, "digits-vit-small", dataset=whole))
    found = compare([every, few])
    assert found.rows == 120
    assert "was judged on 719 rows; the 120 in common are compared" in found.notes[0]
    small, resnet = predictions(every), predictions(few)
    rows = datasets.load_from_disk(str(demo / "data" / "digits"))["test"]
    import random

    kept = sorted(random.Random(0).sample(range(len(rows)), 120))
    shared = small.iloc[kept]
    assert found.scores[0]["accuracy"].value == (shared.label == shared.reference_label).mean()
    assert found.scores[1]["accuracy"].value == (resnet.label == resnet.reference_label).mean()
    sliced = {**whole, "split": "test[100:300]"}
    (part,) = tracked(digits(demo, "digits-resnet", dataset=sliced))
    shared = small.iloc[100:300]
    assert compare([every, part]).scores[0]["accuracy"].value == (
        (shared.label == shared.reference_label).mean()
    )
    with pytest.raises(BadEvaluation, match="rows of the one are among the 200 of the other; one must hold"):
        compare([few, part])


def test_runs_that_cannot_be_compared_say_what_differs(demo: Path, tmp_path: Path) -> None:
    (run,) = tracked(digits(demo, "digits-resnet"))
    changed = tmp_path / "digits"
    saved = datasets.load_from_disk(str(demo / "data" / "digits"))
    saved["test"] = saved["test"].select(range(120))
    saved.save_to_disk(changed)
    other = {"path": str(changed), "split": "test"}
    (elsewhere,) = tracked(digits(demo, "digits-vit-small", dataset=other))
    with pytest.raises(
        BadEvaluation, match=r"judged on different rows: they differ in the dataset's revision"
    ):
        compare([run, elsewhere])
    train = {"path": str(demo / "data" / "digits"), "split": "train", "limit": 120}
    (of_train,) = tracked(digits(demo, "digits-vit-small", dataset=train))
    with pytest.raises(BadEvaluation, match=r"they differ in the split \(test and train\)"):
        compare([run, of_train])
    messages = {
        "task": "text-classification",
        "dataset": {"path": str(demo / "data" / "messages"), "split": "test", "limit": 30},
        "columns": {"text": "text", "label": "topic"},
        "models": [str(demo / "models" / "messages-topic-small")],
    }
    (of_text,) = tracked(messages)
    with pytest.raises(BadEvaluation, match="digits-resnet is image-classification, messages-topic-small is"):
        compare([run, of_text])
    (by_mcc,) = tracked(digits(demo, "digits-vit-small", metrics=["matthews_correlation"]))
    with pytest.raises(
        BadEvaluation, match="by no metric in common: digits-resnet by accuracy, f1, digits-v"
    ):
        compare([run, by_mcc])
    assert list(compare([run, by_mcc], metrics=["matthews_correlation"]).scores[0]) == [
        "matthews_correlation"
    ]
    filtered = {**digits(demo)["dataset"], "filters": {"label": ["one", "two"]}}
    (some,) = tracked(digits(demo, "digits-vit-small", dataset=filtered))
    with pytest.raises(BadEvaluation, match="they differ in the dataset's filters"):
        compare([run, some])
    with pytest.raises(BadEvaluation, match="takes two runs or more"):
        compare([run])
    shutil.rmtree(changed)
    with pytest.raises(NotFound, match=r"There is no dataset at .* say where: --dataset PATH"):
        compare([elsewhere, elsewhere[:8], run])


def test_runs_are_found_by_beginning_name_and_evaluation_and_without_the_chunk_store(
    demo: Path, home: Path
) -> None:
    first = tracked(digits(demo, "digits-resnet", "digits-vit-small"))
    assert [run.run_id for run in finished.find([first[0][:10], "digits-vit-small"])] == first
    parent = mlflow_store.client().get_run(first[0]).data.tags["mlflow.parentRunId"]
    assert [run.run_id for run in finished.find([parent])] == first
    before = compare([parent])
    shutil.rmtree(home / "chunks")
    assert compare([parent]) == before
    with pytest.raises(
        BadEvaluation, match=r"is of 2 models; name one of: \w{8} \(digits-resnet\), \w{8} \("
    ):
        finished.one(parent)
    (second,) = tracked(digits(demo, "digits-resnet"))
    with pytest.raises(
        BadEvaluation, match=r"'digits-resnet' stands for 2 runs: .*; give the beginning of an"
    ):
        finished.find(["digits-resnet"])
    found = compare([first[0], second])
    assert found.titles == (f"digits-resnet ({first[0][:8]})", f"digits-resnet ({second[:8]})")
    assert {pair.difference.value for pair in found.pairs} == {0.0}
    assert found.disagreements.count == 0
    with pytest.raises(NotFound, match="Did you mean 'digits-resnet'"):
        finished.find(["digits-resnt"])


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs), attrs


def test_hostile_text_is_text_on_the_page_and_in_markdown(demo: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)> | late </td></table>"
    rows = datasets.load_from_disk(str(demo / "data" / "messages"))["test"].select(range(60))
    texts = [f"{hostile} {text}" for text in rows["text"]]
    path = tmp_path / "hostile"
    given = datasets.Dataset.from_dict({"text": texts, "topic": rows["topic"]})
    given.cast_column("topic", rows.features["topic"]).save_to_disk(path)
    models = []
    for name in ("messages-topic-small", "messages-topic-large"):
        folder = tmp_path / f"<b onclick=alert(3)>{name}"
        shutil.copytree(demo / "models" / name, folder)
        models.append(str(folder))
    run_ids = tracked(
        {
            "task": "text-classification",
            "dataset": {"path": str(path)},
            "columns": {"text": "text", "label": "topic"},
            "models": models,
        }
    )
    found = compare(run_ids)
    assert found.disagreements.shown
    written = page(found)
    tags = Tags()
    tags.feed(written)
    assert not {"script", "img", "b"} & set(tags.names)
    assert "&lt;script&gt;" in written
    text = comparison_report.markdown(found)
    assert "<" not in text
    table = text.split("They differ")[1].splitlines()
    widths = {line.replace("\\|", "").count("|") for line in table if line.startswith("|")}
    assert len(widths) == 1
