"""A task type of another package: the example of docs/extending.md, built, installed and evaluated."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.e2e.conftest import ROOT
from tests.types.texts import SENTENCES, bert


def installed(page: Path, source: Path, target: Path) -> None:
    """Build the package that a page shows, file by file, and install it."""
    text = page.read_text(encoding="utf-8").partition("## A task type in a package of your own")[2]
    files = re.findall(r"```\w+\n# ([\w.]+)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in files] == ["next_sentence.py", "pyproject.toml"]
    source.mkdir()
    for name, content in files:
        (source / name).write_text(content, encoding="utf-8")
    flags = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target))
    subprocess.run([sys.executable, "-m", "pip", "install", *flags, str(source)], check=True, timeout=120)


@pytest.mark.slow
def test_a_task_type_of_another_package_is_evaluated(demo: Path, tmp_path: Path, home: Path) -> None:
    installed(ROOT / "docs" / "extending.md", tmp_path / "source", tmp_path / "target")
    words, model = bert(demo, tmp_path / "bert", "BertForNextSentencePrediction")
    right, lines, hits = ["yes", "no", "no", "yes"], [], 0
    for first, second, label in zip(SENTENCES, SENTENCES[1:], right, strict=False):
        lines.append(json.dumps({"first": first, "second": second, "follows": label}))
        with torch.inference_mode():
            logits = model(**words(first, second, return_tensors="pt")).logits[0]
        hits += ("yes" if logits[0] > logits[1] else "no") == label
    data = tmp_path / "pairs.jsonl"
    data.write_text("\n".join(lines), encoding="utf-8")
    said = tmp_path / "mine.csv"
    said.write_text("prediction\nyes\nyes\nno\nno\n", encoding="utf-8")
    flags = ["--task", "next-sentence-prediction", "--dataset", str(data), "--json"]
    flags += ["--model", str(tmp_path / "bert"), "--predictions", str(said)]
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", *flags],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "target"), str(ROOT)]),
            "ASSAY_HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    own, elsewhere = json.loads(done.stdout)["runs"]
    assert own["task"] == "next-sentence-prediction"
    assert own["scores"]["accuracy"]["value"] == hits / 4
    assert elsewhere["scores"]["accuracy"]["value"] == 0.5
