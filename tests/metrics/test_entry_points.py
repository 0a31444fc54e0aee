"""Metrics that another installed package adds: the example of docs/extending.md, installed as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import warnings

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from tasks.metrics import compute, metrics

    given = {"predictions": ["ab", "c", "def"], "references": ["abcd", "e", "f"]}
    found = compute("length_ratio", **given)["length_ratio"]
print(found.value, found.low is not None, metrics()["length_ratio"].summary)
texts = [str(each.message) for each in said]
print(sorted(text for text in texts if "length" in text or "wer" in text))
"""


def installed(folder: Path) -> None:
    """Put the example where an installer would, with two entries that cannot be used."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    entry = re.search(r'\[project\.entry-points\."assay\.metrics"\]\n(\w+) = "(.*?)"', page)
    assert code is not None
    assert entry is not None
    (folder / "my_metrics.py").write_text(code[1], encoding="utf-8")
    record = folder / "my_metrics-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-metrics\nVersion: 1.0\n", encoding="utf-8"
    )
    entries = f"{entry[1]} = {entry[2]}\nlength_gone = my_metrics:NOTHING\nwer = my_metrics:LENGTH_RATIO\n"
    (record / "entry_points.txt").write_text(f"[assay.metrics]\n{entries}", encoding="utf-8")


def test_an_installed_packages_metric_is_there_like_any_other(tmp_path: Path) -> None:
    installed(tmp_path)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("1.0 True Characters of the predictions by characters")
    assert "The entry point 'wer' of my-metrics is left out" in second
    assert "The metric 'length_gone' of my-metrics does not load" in second
