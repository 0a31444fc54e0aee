"""Evaluations started from Python: plain functions as models, beside real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.api import Function, evaluate
from tasks.errors import BadEvaluation, BadLabels
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("prefect_server")
ROWS = 40


def digits(demo: Path, models: list[Any], **more: Any) -> list[Any]:
    return evaluate(
        "image-classification",
        {"path": str(demo / "data" / "digits"), "split": "test", "limit": ROWS},
        models,
        metrics=["accuracy"],
        **more,
    )


def test_a_function_is_judged_as_the_model_it_calls(demo: Path) -> None:
    import torch
    import transformers

    place = demo / "models" / "digits-resnet"
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    model = transformers.AutoModelForImageClassification.from_pretrained(place).eval()
    sizes = []

    def seen(rows: list[dict[str, Any]]) -> list[str]:
        sizes.append(len(rows))
        inputs = processor([row["image"] for row in rows], return_tensors="pt")
        with torch.inference_mode():
            best = model(**inputs).logits.argmax(-1)
        return [model.config.id2label[int(each)] for each in best]

    called, real = digits(demo, [Function(seen, batch=16), str(place)])
    assert sizes == [16, 16, 8]
    assert called.model == "seen"
    assert called.scores == real.scores
    assert called.best
    assert real.best is False or called.scores["accuracy"] == real.scores["accuracy"]


def test_only_a_version_lets_predictions_be_reused(demo: Path) -> None:
    calls = []

    def one(rows: list[dict[str, Any]]) -> list[str]:
        calls.append(len(rows))
        return ["one"] * len(rows)

    digits(demo, [one])
    (again,) = digits(demo, [one])
    assert again.reused_rows == 0
    assert sum(calls) == 2 * ROWS
    digits(demo, [Function(one, version="1")])
    (reused,) = digits(demo, [Function(one, version="1")])
    assert reused.reused_rows == ROWS
    digits(demo, [Function(one, version="2")])
    assert sum(calls) == 4 * ROWS


def test_labels_are_matched_once_it_is_known_what_it_says(demo: Path) -> None:
    def numbers(rows: list[dict[str, Any]]) -> list[int]:
        return [1] * len(rows)

    with pytest.raises(BadLabels, match=r"'numbers'.*1"):
        digits(demo, [numbers])
    (report,) = digits(demo, [Function(numbers, labels={"1": "one"})])
    assert 0 < report.scores["accuracy"].value < 0.5


def test_a_row_that_the_function_fails_on_is_a_failed_row(demo: Path) -> None:
    def shy(rows: list[dict[str, Any]]) -> list[str | None]:
        return [None if row["image"].getpixel((0, 0)) is None else "one" for row in rows][: len(rows) - 1]

    from tasks.predict import PredictionFailed

    with pytest.raises(PredictionFailed, match="was given 1 rows and returned 0 predictions"):
        digits(demo, [shy])


def test_a_task_type_whose_predictions_are_more_than_a_value_takes_none(demo: Path, tmp_path: Path) -> None:
    from tests.types.judging import saved

    data = saved(tmp_path / "data", {"prompt": ["a"], "choices": [["b", "c"]], "label": [0]})
    with pytest.raises(BadEvaluation, match="multiple-choice"):
        evaluate("multiple-choice", data, [lambda rows: [0] * len(rows)])


SCRIPT = """
from flows.api import Function, evaluate

def shout(rows):
    return ["loud" if "!" in row["text"] else "calm" for row in rows]

for _ in range(2):
    (report,) = evaluate("text-classification", "{data}", [Function(shout, version="1")])
print(report.scores["accuracy"].value, report.reused_rows)
"""


@pytest.mark.slow
def test_a_script_starts_the_servers_it_needs_and_stops_them(tmp_path: Path) -> None:
    import os

    data = tmp_path / "data.csv"
    data.write_text("text,label\nhey!,loud\nhey,calm\noh,loud\nah!,loud\n", encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(data=data), encoding="utf-8")
    leave = {"PREFECT_API_URL", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"}
    done = subprocess.run(
        [sys.executable, str(script)],
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("PREFECT") or name not in leave
            },
            "PYTHONPATH": str(ROOT),
            "ASSAY_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2:] == ["0.75", "4"]
