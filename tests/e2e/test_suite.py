"""`assay suite` as a user runs it: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Assay

pytestmark = pytest.mark.slow


def test_a_suite_with_a_mistake_in_one_evaluation_prints_the_others(
    assay: Assay, demo: Path, tmp_path: Path
) -> None:
    entry = {"task": "image-classification", "metrics": ["accuracy"]}
    data = str(demo / "data" / "digits")
    given = {
        "name": "mine",
        "models": [str(demo / "models" / name) for name in ("digits-vit-nano", "digits-resnet")],
        "evaluations": [
            {**entry, "name": "right", "dataset": {"path": data, "split": "test", "limit": 30}},
            {**entry, "name": "wrong", "dataset": {"path": data, "split": "tset"}},
        ],
    }
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(given), encoding="utf-8")
    done = assay("suite", str(file), "--json")
    assert done.returncode == 2
    assert "assay: wrong: " in done.stderr
    assert "Did you mean 'test'" in done.stderr
    board = json.loads(done.stdout)
    assert [len(each["runs"]) for each in board["evaluations"]] == [2, 0]
    assert (board["model_loads"], board["mean_ranks"]) == (2, {})
    listed = assay("list")
    assert "digits-splits" in listed.stdout
    refused = assay("suite", "digit-splits")
    assert refused.returncode == 2
    assert "Did you mean 'digits-splits'" in refused.stderr
    assert refused.stdout == ""
