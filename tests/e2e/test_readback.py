"""Runs read back from the command line: compared, made again, evaluated again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Assay


@pytest.mark.slow
def test_runs_are_compared_reproduced_and_evaluated_again(assay: Assay, demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo / "models" / "messages-topic-large", tmp_path / "large")
    config = tmp_path / "topics.yaml"
    evaluation = {
        "task": "text-classification",
        "dataset": {"path": str(demo / "data" / "messages"), "split": "test", "limit": 60},
        "columns": {"text": "text", "label": "topic"},
        "models": [str(demo / "models" / "messages-topic-small"), str(tmp_path / "large")],
        "metrics": ["accuracy"],
    }
    config.write_text(yaml.safe_dump(evaluation), encoding="utf-8")
    done = assay("reevaluate", str(config), "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    small, large = (each["run_id"] for each in first["models"])
    again = assay("reevaluate", str(config))
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing changed since run") == 2

    rows, page = tmp_path / "rows.csv", tmp_path / "page.html"
    compared = assay("compare", small[:8], "large", "--rows", str(rows), "--html", str(page), "--json")
    assert compared.returncode == 0, compared.stderr
    found = json.loads(compared.stdout)
    assert [each["mlflow_run_id"] for each in found["runs"]] == [small, large]
    assert len(rows.read_text(encoding="utf-8").splitlines()) == 1 + found["disagreements"]["count"]
    assert "<!doctype html>" in page.read_text(encoding="utf-8")
    wrong = assay("compare", small, "larg")
    assert wrong.returncode == 2
    assert "There is no finished run 'larg' in MLflow" in wrong.stderr
    assert "Did you mean 'large'" in wrong.stderr

    reproduced = assay("reproduce", large, "--json")
    assert reproduced.returncode == 0, reproduced.stderr
    assert json.loads(reproduced.stdout)["verdict"] == "equal"
    shutil.rmtree(tmp_path / "large")
    shutil.copytree(demo / "models" / "messages-topic-small", tmp_path / "large")
    worse = assay("reevaluate", large, "--json")
    (model,) = json.loads(worse.stdout)["models"]
    assert model["previous_run_id"] == large
    assert model["compared"] == 60
    (verdict,) = model["verdicts"]
    assert verdict["verdict"] in {"same", "regressed"}
    assert worse.returncode == (verdict["verdict"] == "regressed")
