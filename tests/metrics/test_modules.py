"""Modules of HF evaluate, written here: loaded from a folder or the Hub's cache, scored, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import BadEvaluation, NotFound, OutOfReach, Refused
from tasks.metrics import compute
from tasks.metrics.comparison import paired
from tasks.metrics.modules import evaluate

SCRIPT = """
import datasets
import evaluate


class Nearly(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description="Share of rows that are nearly right.",
            citation="",
            inputs_description="",
            features=datasets.Features(
                {"predictions": datasets.Value("KIND"), "references": datasets.Value("KIND")}
            ),
        )

    def _compute(self, predictions, references, within=0):
        if len(set(references)) < 2:
            raise ValueError("one class only")
        near = [NEAR for one, other in zip(predictions, references)]
        return {"share": sum(near) / len(near), "count": len(near), "rows": near, "name": "nearly"}
"""


def module(folder: Path, kind: str = "int32", near: str = "abs(one - other) <= within") -> str:
    folder.mkdir(parents=True)
    script = SCRIPT.replace("KIND", kind).replace("NEAR", near)
    (folder / f"{folder.name}.py").write_text(script, encoding="utf-8")
    return str(folder)


def data(rows: int = 60) -> dict[str, list[int]]:
    generator = np.random.default_rng(0)
    references = generator.integers(0, 3, rows)
    predictions = np.where(generator.random(rows) < 0.7, references, (references + 1) % 3)
    return {"predictions": predictions.tolist(), "references": references.tolist()}


def test_a_local_modules_scores_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    where = module(tmp_path / "nearly")
    given: Any = {"module": where, "allow_remote_code": True, "seconds": 60}
    found = compute("evaluate", **data(), **given, resamples=200)
    right = compute("accuracy", **data(), resamples=200)["accuracy"]
    assert list(found) == ["nearly/share", "nearly/count"]
    share = found["nearly/share"]
    assert share.value == right.value
    assert share.low is not None
    assert right.low is not None
    assert share.low == pytest.approx(right.low, abs=0.06)
    loose = compute("evaluate", **data(), **given, options={"within": 2}, resamples=0)
    assert loose["nearly/share"].value == 1
    measured = evaluate(**data(), **given)
    assert "returned no numbers: rows, name" in measured.tags["nearly"]
    difference = paired(measured, measured, resamples=50)["nearly/share"]
    assert difference.value == 0


def test_an_interval_takes_no_longer_than_allowed_or_there_is_none(tmp_path: Path) -> None:
    where = module(tmp_path / "nearly")
    found = compute("evaluate", **data(), module=where, allow_remote_code=True, seconds=0)
    assert found["nearly/share"].low is None
    measured = evaluate(**data(), module=where, allow_remote_code=True, seconds=0)
    assert "no interval in 0 s" in measured.tags["nearly"]
    assert measured.most_resamples == 0


def test_a_sample_on_which_a_module_fails_is_undefined(tmp_path: Path) -> None:
    where = module(tmp_path / "nearly")
    measured = evaluate([0, 1, 1], [0, 1, 1], module=where, allow_remote_code=True)
    drawn = measured.score(np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0]]))["nearly/share"]
    assert drawn[0] == 1
    assert np.isnan(drawn[1])
    with pytest.raises(BadEvaluation, match="failed: one class only"):
        compute("evaluate", predictions=[1], references=[1], module=where, allow_remote_code=True)


def test_label_names_are_numbered_for_a_module_that_takes_numbers(tmp_path: Path) -> None:
    where = module(tmp_path / "nearly")
    given: Any = {"predictions": ["no", "yes", "maybe"], "references": ["no", "no", "yes"], "module": where}
    given |= {"allow_remote_code": True, "resamples": 0, "options": {"within": 1}}
    in_order = compute("evaluate", **given, labels=["maybe", "yes", "no"])
    assert in_order["nearly/share"].value == 1
    assert compute("evaluate", **given)["nearly/share"].value == pytest.approx(2 / 3)
    with pytest.raises(BadEvaluation, match="'maybe' is not among labels: no, yes"):
        compute("evaluate", **given, labels=["no", "yes"])
    texts = module(tmp_path / "same", "string", "one == other")
    found = compute("evaluate", **{**given, "module": texts, "options": {}})
    assert found["same/share"].value == pytest.approx(1 / 3)


def test_a_hub_module_is_pinned_and_comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "hub" / "spaces--evaluate-metric--nearly" / "snapshots"
    made = Path(module(tmp_path / "nearly"))
    snapshot.mkdir(parents=True)
    made.rename(snapshot / commit)
    found = compute(
        "evaluate", **data(), module="nearly", revision=commit, allow_remote_code=True, resamples=0
    )
    assert found["nearly/count"].value == 60
    with pytest.raises(OutOfReach, match="not in the local cache"):
        compute("evaluate", **data(), module="someone/other", revision=commit, allow_remote_code=True)
    with pytest.raises(BadEvaluation, match="give revision"):
        compute("evaluate", **data(), module="nearly", allow_remote_code=True)


def test_what_may_not_or_cannot_run_is_said(tmp_path: Path) -> None:
    where = module(tmp_path / "nearly")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    with pytest.raises(Refused, match="then set allow_remote_code: true"):
        compute("evaluate", **data(), module=where)
    for name, kind, words in (
        (str(tmp_path / "empty"), NotFound, r"holds no empty\.py"),
        (str(tmp_path / "gone"), NotFound, "neither a folder nor a script"),
        (str(tmp_path / "broken.py"), BadEvaluation, "does not load"),
    ):
        with pytest.raises(kind, match=words):
            compute("evaluate", **data(), module=name, allow_remote_code=True)
