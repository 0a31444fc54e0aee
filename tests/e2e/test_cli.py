"""The command line: what it prints, how it ends, and what a killed run leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from tests.e2e.conftest import ROOT, Assay

FLAGS = ("--task", "image-classification", "--split", "test", "--limit", "40", "--metric", "accuracy")


def test_json_is_all_there_is_on_standard_output(assay: Assay, demo: Path) -> None:
    data, model = str(demo / "data" / "digits"), str(demo / "models" / "digits-resnet")
    done = assay("run", *FLAGS, "--dataset", data, "--model", model, "--column", "image=image", "--json")
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["model"], run["dataset"], run["task"]) == ("digits-resnet", "digits", "image-classification")
    assert (run["rows"], run["reused_rows"]) == (40, 0)
    score = run["scores"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"]
    assert score["n"] == 40
    assert len(run["mlflow_run_id"]) == 32
    again = assay("run", *FLAGS, "--dataset", data, "--model", model)
    assert "Every prediction was reused" in again.stdout
    board = assay("leaderboard", "--json")
    (place,) = json.loads(board.stdout)["places"]
    assert place["value"] == score["value"]


def test_one_evaluation_that_cannot_run_does_not_stop_the_next(assay: Assay, tmp_path: Path) -> None:
    right = ROOT / "infra/demo/evaluations/digits.yaml"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        right.read_text(encoding="utf-8").replace("split: test", "split: tset"), encoding="utf-8"
    )
    done = assay("run", str(wrong), str(right), "--limit", "20", "--json")
    assert done.returncode == 2
    assert len(json.loads(done.stdout)["runs"]) == 3
    assert "Did you mean 'test'" in done.stderr


def test_list_shows_what_there_is(assay: Assay) -> None:
    done = assay("list")
    assert done.returncode == 0
    for name in ("automatic-speech-recognition", "matthews_correlation", "sst2"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--task", "image-clasification"], ["image-clasification", "Did you mean 'image-classification'"]),
        (["--column", "image=picture"], ["no column in 'digits' 'picture'", "there are: image, label"]),
        (["--model", "{demo}/models/digits-resnt"], ["no model folder", "Did you mean", "digits-resnet"]),
        (
            ["--model", "{demo}/models/messages-topic-small"],
            ["is called zero", "billing, booking, delay, lost"],
        ),
        (
            ["--dataset", "{demo}/data/messages", "--column", "image=text"],
            ["'text' holds text", "takes image", "there are: text (text), topic (label)"],
        ),
        (["--metric", "wer"], ["'wer' judges texts", "metrics that fit: accuracy"]),
        (["--split", "tset"], ["no split", "there are: train, test", "Did you mean 'test'"]),
        (["--column", "image"], ["'image' is not of the form canonical=column"]),
    ],
    ids=["task type", "column", "model", "labels", "kind of column", "metric", "split", "flag"],
)
def test_bad_input_is_one_sentence_and_exit_code_two(
    assay: Assay, demo: Path, home: Path, change: list[str], words: list[str]
) -> None:
    given = {
        "--task": "image-classification",
        "--dataset": str(demo / "data" / "digits"),
        "--split": "test",
        "--model": str(demo / "models" / "digits-resnet"),
    }
    given |= {flag: value.format(demo=demo) for flag, value in zip(change[::2], change[1::2], strict=True)}
    done = assay("run", *(part for pair in given.items() for part in pair))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("assay: ")]
    assert all(word in line for word in words), line
    assert "Traceback" not in done.stderr
    assert "predicting" not in done.stderr
    assert not list(home.glob("chunks/*"))


def test_a_killed_run_resumes_where_it_was(tmp_path: Path, home: Path, demo: Path, assay: Assay) -> None:
    config = tmp_path / "digits.yaml"
    evaluation = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test"},
        "models": [str(demo / "models" / "digits-vit-small")],
        "settings": {"chunk_rows": 4},
    }
    config.write_text(yaml.safe_dump(evaluation), encoding="utf-8")
    calm = assay("run", str(config), "--json", ASSAY_HOME=str(tmp_path / "calm"))
    assert calm.returncode == 0, calm.stderr

    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", str(config)],
        cwd=ROOT,
        env={**environment, "ASSAY_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(list(home.glob("chunks/*/*/rows-*.parquet"))) < 20:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in home.glob("chunks/*/*/rows-*.parquet")}
    assert 20 <= len(kept) < 180

    store = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = store.get_experiment_by_name("digits")
    assert experiment is not None
    assert [run.info.status for run in store.search_runs([experiment.experiment_id])] == ["RUNNING"]

    resumed = assay("run", str(config), "--json")
    assert resumed.returncode == 0, resumed.stderr
    (one,), (two,) = json.loads(calm.stdout)["runs"], json.loads(resumed.stdout)["runs"]
    assert two["reused_rows"] == 4 * len(kept)
    assert two["scores"] == one["scores"]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    statuses = sorted(run.info.status for run in store.search_runs([experiment.experiment_id]))
    # The same evaluation goes on in its own runs.
    assert statuses == ["FINISHED", "FINISHED"]


def test_no_server_outlives_a_killed_command(home: Path, demo: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", str(ROOT / "infra/demo/evaluations/digits.yaml")],
        cwd=ROOT,
        env={**environment, "ASSAY_HOME": str(home), "ASSAY_DEMO": str(demo)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    children: list[int] = []
    while not children and time.monotonic() < deadline:
        time.sleep(0.1)
        children = _children(process.pid)
    assert children
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(_runs(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_runs(child) for child in children)


def _children(process: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(stat.parent.name))
    return found


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_file_of_predictions_stands_for_a_model(assay: Assay, demo: Path, tmp_path: Path) -> None:
    import datasets

    there = datasets.load_from_disk(str(demo / "data" / "digits"))["test"]
    said = [there.features["label"].int2str(label) for label in there["label"]]
    (tmp_path / "mine.csv").write_text("\n".join(["prediction", *said[:-1], "zero"]), encoding="utf-8")
    flags = ("--task", "image-classification", "--split", "test", "--metric", "accuracy", "--json")
    data = str(demo / "data" / "digits")
    done = assay("run", *flags, "--dataset", data, "--predictions", str(tmp_path / "mine.csv"))
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert run["model"] == "mine"
    assert run["scores"]["accuracy"]["value"] == pytest.approx(1 - (said[-1] != "zero") / len(said))
