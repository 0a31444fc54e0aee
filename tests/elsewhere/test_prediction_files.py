"""Predictions made elsewhere: scored as the model's own, matched to rows by order, number or id."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import BadEvaluation, BadLabels, NotFound, UserError
from tasks.score import Judgement
from tests.types.judging import judged, planned, samples, saved

LABELS = datasets.ClassLabel(names=["good", "bad", "so so"])
TEXTS = ["one", "two", "three", "four", "five", "six"]
RIGHT = [0, 1, 2, 0, 1, 0]


def reviews(folder: Path) -> str:
    ids = [f"r{number}" for number in range(6)]
    return saved(folder, {"id": ids, "text": TEXTS, "label": RIGHT}, label=LABELS)


def evaluation(folder: Path, file: Path, **more: Any) -> dict[str, Any]:
    return {
        "task": "text-classification",
        "dataset": {"path": str(folder) if (folder / "state.json").exists() else reviews(folder)},
        "models": [{"predictions": str(file), **more}],
        "metrics": ["accuracy"],
    }


def written(file: Path, columns: dict[str, list[Any]]) -> Path:
    """Write columns to a file of the kind its name says."""
    if file.suffix == ".parquet":
        pq.write_table(pa.table(columns), file)
    elif file.suffix == ".jsonl":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    elif file.suffix == ".json":
        file.write_text(json.dumps(columns), encoding="utf-8")
    else:
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return file


SAID = ["good", "BAD", "good", "good", "good", "so_so"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("column", ["prediction", "pred", "predicted_label", "label", "Output"])
def test_labels_of_a_file_are_matched_by_name_and_scored(tmp_path: Path, ending: str, column: str) -> None:
    file = written(tmp_path / f"mine{ending}", {column: SAID})
    judgement, rows = judged(evaluation(tmp_path / "data", file))
    assert judgement.scores["accuracy"].value == 3 / 6
    assert [row["label"] for row in rows] == SAID
    assert samples(evaluation(tmp_path / "data", file))["right"] == [True, True, False, True, False, False]


@pytest.mark.parametrize("by", ["row", "id"])
def test_predictions_in_any_order_are_matched_by_number_or_id(tmp_path: Path, by: str) -> None:
    order = [3, 0, 5, 1, 4, 2]
    keys = {"row": order, "id": [f"r{number}" for number in order]}[by]
    file = written(tmp_path / "mine.csv", {by: keys, "prediction": [SAID[number] for number in order]})
    _, rows = judged(evaluation(tmp_path / "data", file))
    assert [row["label"] for row in rows] == SAID


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"row": [0, 1, 2, 3, 4], "prediction": SAID[:5]},
            ["no prediction in 'mine'", "1 of 6 rows", "row 5"],
        ),
        ({"row": [0, 1, 2, 3, 4, 4], "prediction": SAID}, ["several predictions", "row 4"]),
        ({"id": ["r0", "r1", "r2", "r3", "r4", "x"], "prediction": SAID}, ["no prediction", "id r5"]),
        ({"prediction": SAID[:4]}, ["4 predictions in 'mine' and 6 rows", "'row'"]),
        ({"prediction": []}, ["are empty"]),
        ({"mine": SAID, "yours": SAID}, ["No column of 'mine'", "mine, yours", "'prediction'"]),
    ],
)
def test_what_does_not_match_is_one_sentence(
    tmp_path: Path, columns: dict[str, list[Any]], words: list[str]
) -> None:
    file = written(tmp_path / "mine.csv", columns)
    with pytest.raises(BadEvaluation) as caught:
        planned(evaluation(tmp_path / "data", file))
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_file_that_is_not_there_or_not_readable_is_named(tmp_path: Path) -> None:
    written(tmp_path / "mine.csv", {"prediction": SAID})
    with pytest.raises(NotFound, match=r"Did you mean '.*mine\.csv'"):
        planned(evaluation(tmp_path / "data", tmp_path / "mine.cs"))
    (tmp_path / "mine.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(BadEvaluation, match=r"mine\.jsonl' cannot be read"):
        planned(evaluation(tmp_path / "data", tmp_path / "mine.jsonl"))
    (tmp_path / "mine.txt").write_text("good", encoding="utf-8")
    with pytest.raises(BadEvaluation, match=r"those end in: \.parquet"):
        planned(evaluation(tmp_path / "data", tmp_path / "mine.txt"))


def test_labels_that_map_to_nothing_stop_and_can_be_paired(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.csv", {"prediction": ["0", "1", "0", "0", "0", "2"]})
    with pytest.raises(BadLabels, match="good"):
        planned(evaluation(tmp_path / "data", file))
    paired = evaluation(tmp_path / "data", file, labels={"0": "good", "1": "bad", "2": "so so"})
    assert judged(paired)[0].scores["accuracy"].value == 3 / 6


def test_a_label_that_is_never_predicted_is_no_mistake_and_a_strange_one_is(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.csv", {"prediction": ["good"] * 6})
    assert judged(evaluation(tmp_path / "data", file))[0].scores["accuracy"].value == 3 / 6
    file = written(tmp_path / "mine.csv", {"prediction": ["good"] * 5 + ["awful"]})
    with pytest.raises(BadLabels, match="bad"):
        planned(evaluation(tmp_path / "data", file))


def test_a_row_without_a_prediction_failed(tmp_path: Path) -> None:
    from tasks import predict, score

    file = written(tmp_path / "mine.jsonl", {"prediction": [*SAID[:5], None]})
    plan, candidate = planned(evaluation(tmp_path / "data", file))
    stored = predict.predict(plan, candidate)
    assert stored.tally.failed == 1
    assert "no prediction" in stored.table()["error"][5].as_py()
    assert score.score(plan, candidate, stored).rows == 5


def test_the_digest_of_the_file_is_its_pin(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.csv", {"prediction": SAID})
    _, one = planned(evaluation(tmp_path / "data", file))
    written(file, {"prediction": SAID[::-1]})
    _, other = planned(evaluation(tmp_path / "data", file))
    assert len(one.checkpoint.commit) == 64
    assert one.key != other.key


def test_probabilities_by_label_are_judged(tmp_path: Path) -> None:
    chances = [{"good": 0.7, "bad": 0.2, "so so": 0.1}] * 6
    file = written(tmp_path / "mine.jsonl", {"prediction": ["good"] * 6, "probabilities": chances})
    given = evaluation(tmp_path / "data", file)
    judgement, _ = judged({**given, "metrics": ["accuracy", "log_loss"]})
    import math

    expected = -(3 * math.log(0.7) + 2 * math.log(0.2) + math.log(0.1)) / 6
    assert judgement.scores["log_loss"].value == pytest.approx(expected, rel=1e-5)


def test_a_metric_that_the_file_has_nothing_for_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.csv", {"prediction": SAID})
    with pytest.raises(BadEvaluation, match="log_loss"):
        planned({**evaluation(tmp_path / "data", file), "metrics": ["accuracy", "log_loss"]})


@pytest.mark.parametrize(
    ("task", "data", "columns", "answers", "metric", "value"),
    [
        (
            "question-answering",
            {"question": ["q", "q"], "context": ["a blue sky", "x"], "answers": [["blue"], []]},
            {},
            {"answer": ["blue", ""]},
            "squad_v2",
            ("squad_v2_exact", 100.0),
        ),
        (
            "token-classification",
            {"tokens": [["Ada", "came"], ["to", "York"]], "ner_tags": [["B-PER", "O"], ["O", "B-LOC"]]},
            {},
            {"pred": ["B-PER O", "O O"]},
            "seqeval",
            ("seqeval_recall", 0.5),
        ),
        (
            "sentence-similarity",
            {"sentence1": ["a", "b", "c"], "sentence2": ["a", "b", "c"], "score": [0.1, 0.5, 0.9]},
            {},
            {"score": [1, 2, 3]},
            "spearmanr",
            ("spearmanr", 1.0),
        ),
        (
            "tabular-regression",
            {"width": [1.0, 2.0], "target": [3.0, 5.0]},
            {"target": "target"},
            {"prediction": [3.0, 4.0]},
            "mae",
            ("mae", 0.5),
        ),
        (
            "summarization",
            {"text": ["long", "longer"], "summary": ["short", "brief"]},
            {},
            {"generated_text": ["short", "else"]},
            "exact_match",
            ("exact_match", 0.5),
        ),
        (
            "text-classification",
            {"text": ["a", "b"], "label": [["x", "y"], ["y"]]},
            {},
            {"predictions": ["x, y", "x"]},
            "subset_accuracy",
            ("subset_accuracy", 0.5),
        ),
        (
            "text-classification",
            {"text": ["a", "b", "c"], "label": [0.5, 1.5, 2.5]},
            {},
            {"prediction": [0.5, 1.5, 3.5]},
            "mse",
            ("mse", 1 / 3),
        ),
        (
            "fill-mask",
            {"text": ["a [MASK]", "b [MASK]"], "answer": ["dog", "cat"]},
            {},
            {"prediction": ["dog", "cow"]},
            "exact_match",
            ("exact_match", 0.5),
        ),
    ],
)
def test_every_flat_kind_of_answer(
    tmp_path: Path,
    task: str,
    data: dict[str, list[Any]],
    columns: dict[str, str],
    answers: dict[str, list[Any]],
    metric: str,
    value: tuple[str, float],
) -> None:
    file = written(tmp_path / "mine.csv", answers)
    given = {
        "task": task,
        "dataset": {"path": saved(tmp_path / "data", data)},
        "columns": columns,
        "models": [{"predictions": str(file)}],
        "metrics": [metric],
    }
    judgement, _ = judged(given)
    key, expected = value
    assert judgement.scores[key].value == pytest.approx(expected), list(judgement.scores)
    assert samples(given)


def exported(given: dict[str, Any], file: Path) -> Judgement:
    """Evaluate a model and write its predictions as a run logs them."""
    from tasks import predict, score
    from tasks.tracking import artifacts

    plan, candidate = planned(given)
    stored = predict.predict(plan, candidate)
    pq.write_table(artifacts.exported(plan, candidate, stored.table()), file)
    return score.score(plan, candidate, stored)


@pytest.mark.parametrize(
    "given",
    [
        {
            "task": "text-classification",
            "dataset": {"path": "data/messages", "split": "test"},
            "columns": {"label": "topic", "text": "text"},
            "models": ["models/messages-topic-small"],
            "metrics": ["accuracy", "log_loss", "roc_auc", "expected_calibration_error"],
        },
        {
            "task": "image-classification",
            "dataset": {"path": "data/digits", "split": "test", "limit": 60},
            "models": ["models/digits-resnet"],
            "metrics": ["accuracy", "log_loss"],
        },
        {
            "task": "token-classification",
            "dataset": {"path": "data/messages", "split": "test", "limit": 60},
            "columns": {"tokens": "tokens", "tags": "tags"},
            "models": ["models/messages-tagger-small"],
        },
    ],
    ids=lambda given: given["task"],
)
def test_a_models_own_predictions_give_exactly_its_scores(
    demo: Path, tmp_path: Path, given: dict[str, Any]
) -> None:
    placed = {
        **given,
        "dataset": {**given["dataset"], "path": str(demo / given["dataset"]["path"])},
        "models": [str(demo / given["models"][0])],
    }
    own = exported(placed, tmp_path / "predictions.parquet")
    again, _ = judged({**placed, "models": [{"predictions": str(tmp_path / "predictions.parquet")}]})
    assert dict(again.scores) == dict(own.scores)
    assert dict(again.details) == dict(own.details)


def test_a_files_settings_are_its_own(tmp_path: Path) -> None:
    from tasks.configs import parse

    for key, value in {"revision": "main", "dtype": "float32", "endpoint": "http://h:1/v1"}.items():
        given = evaluation(tmp_path / "data", tmp_path / "mine.csv", **{key: value})
        with pytest.raises(UserError, match=f"leave '{key}' out"):
            parse(given)
    with pytest.raises(UserError, match="needs a name"):
        parse({**evaluation(tmp_path / "data", tmp_path / "a.csv"), "models": [{"labels": {}}]})
