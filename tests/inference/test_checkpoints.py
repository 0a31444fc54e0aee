"""A model is found, pinned and refused before its weights are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.errors import BadEvaluation, NotFound, Refused
from tasks.inference.checkpoints import labels, resolve


def make(folder: Path, config: dict[str, object], weights: str = "model.safetensors") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / weights).write_bytes(b"weights")
    return folder


def test_a_folder_is_pinned_to_its_content(tmp_path: Path) -> None:
    folder = make(tmp_path / "model", {"id2label": {"1": "yes", "0": "no"}})
    first = resolve(str(folder), None)
    assert (first.name, first.local, labels(first)) == ("model", True, ["no", "yes"])
    (folder / "model.safetensors").write_bytes(b"others!")
    assert resolve(str(folder), None).commit != first.commit


def test_labels_without_names_are_numbered(tmp_path: Path) -> None:
    assert labels(resolve(str(make(tmp_path / "m", {})), None)) == ["LABEL_0", "LABEL_1"]


def test_a_missing_folder_suggests_its_neighbour(tmp_path: Path) -> None:
    make(tmp_path / "digits-small", {})
    with pytest.raises(NotFound, match=r"Did you mean '.*digits-small'"):
        resolve(str(tmp_path / "digits-smal"), None)


def test_what_holds_no_model_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(NotFound, match=r"no config\.json; there are: notes\.txt"):
        resolve(str(tmp_path), None)


def test_pickles_and_remote_code_are_refused_until_allowed(tmp_path: Path) -> None:
    pickled = make(tmp_path / "pickled", {}, weights="pytorch_model.bin")
    with pytest.raises(Refused, match="allow_pickle: true"):
        resolve(str(pickled), None)
    assert resolve(str(pickled), None, allow_pickle=True).pickled
    coded = make(tmp_path / "coded", {"auto_map": {"AutoModel": "modeling.X"}})
    with pytest.raises(Refused, match="allow_remote_code: true"):
        resolve(str(coded), None)
    assert resolve(str(coded), None, allow_remote_code=True)


def test_a_folder_has_no_revisions(tmp_path: Path) -> None:
    with pytest.raises(BadEvaluation, match="no revisions"):
        resolve(str(make(tmp_path / "m", {})), "main")
