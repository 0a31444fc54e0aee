"""A token opens what it opens, and is written nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hub import reviews
from tests.hub.processes import assay, environment
from tests.hub.server import WRITER, running

pytestmark = [pytest.mark.slow]

CONFIG = """
task: text-classification
dataset: {path: acme/reviews, split: validation}
columns: {text: text, label: topic}
models: [acme/topic]
metrics: [accuracy]
settings: {publish: true}
"""


def holding(folder: Path, words: str) -> list[str]:
    """Return the files below a folder that hold some words, whatever kind of file."""
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and words.encode() in path.read_bytes()
    ]


def test_an_evaluation_publishes_itself_and_its_token_is_in_no_store_and_no_log(
    demo: Path, tmp_path: Path
) -> None:
    config = tmp_path / "evaluation.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    with running(reviews.made(demo)) as hub:
        given = environment(hub, tmp_path, HF_TOKEN=WRITER, PREFECT_LOGGING_LEVEL="DEBUG")
        hub.ailing = "/preupload/"
        refused = assay(given, "run", str(config), "--json")
        assert refused.returncode == 1
        assert "Every model is scored and tracked, and not every result is published" in refused.stderr
        (run,) = json.loads(refused.stdout)["runs"]
        assert run["scores"]["accuracy"]["n"] == 60
        hub.ailing = ""
        done = assay(given, "run", str(config), "--json")
        assert done.returncode == 0, done.stderr
        model = hub.repositories["models", "acme/topic"]
        assert [each.title for each in model.discussions] == ["Evaluation results by Assay"]
        without = {name: value for name, value in given.items() if name != "HF_TOKEN"}
        anonymous = assay(without, "run", str(config))
        assert anonymous.returncode == 2
        assert "Publishing needs a token of the Hub" in anonymous.stderr
        assert "predicting" not in anonymous.stderr
        offered = json.dumps([each.comments for each in model.discussions])
        files = b"".join(model.commits[model.names["refs/pr/1"]].values())

    assert any(name.endswith("mlflow.db") for name in holding(tmp_path, "acme/topic"))
    assert any("prefect" in name for name in holding(tmp_path, "Evaluation") + holding(tmp_path, "evaluate"))
    assert holding(tmp_path, WRITER) == []
    assert WRITER.encode() not in files
    for printed in (offered, refused.stdout, refused.stderr, done.stdout, done.stderr):
        assert WRITER not in printed
    assert str(tmp_path) not in offered
