"""Pickles run code when they are opened: by no road is one opened that the evaluation does not allow."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import AssayError, BadEvaluation, NotFound, Refused
from tests.runs import tracked


class Marker:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def evaluation(demo: Path, model: Path, **settings: Any) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 8},
        "models": [str(model)],
        "metrics": ["accuracy"],
        "settings": settings,
    }


def model(demo: Path, folder: Path) -> Path:
    shutil.copytree(demo / "models" / "digits-resnet", folder)
    return folder


def test_the_marker_would_be_left(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Marker(tmp_path / "ran")))
    assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "model.pt",
        "weights.pth",
        "model.ckpt",
        "model.pkl",
        "model.joblib",
    ],
)
def test_weights_that_are_a_pickle_are_refused(name: str, demo: Path, tmp_path: Path) -> None:
    there = model(demo, tmp_path / "model")
    (there / "model.safetensors").unlink()
    (there / name).write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    with pytest.raises((Refused, NotFound), match=r"has only pickled weights|holds no weights"):
        tracked(evaluation(demo, there))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_beside_safe_weights_is_not_opened(demo: Path, tmp_path: Path) -> None:
    there = model(demo, tmp_path / "model")
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pkl"):
        (there / name).write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    assert tracked(evaluation(demo, there))
    assert not (tmp_path / "ran").exists()


def test_an_allowed_pickle_gives_tensors_and_runs_nothing(demo: Path, tmp_path: Path) -> None:
    there = model(demo, tmp_path / "model")
    (there / "model.safetensors").unlink()
    (there / "pytorch_model.bin").write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    with pytest.raises(Exception, match=r"[Ww]eights_only|Unpickl|unpickl|safe"):
        tracked(evaluation(demo, there, allow_pickle=True))
    assert not (tmp_path / "ran").exists()


def test_code_beside_a_model_does_not_run(demo: Path, tmp_path: Path) -> None:
    there = model(demo, tmp_path / "model")
    config = json.loads((there / "config.json").read_text(encoding="utf-8"))
    (there / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n", encoding="utf-8")
    config["auto_map"] = {"AutoModelForImageClassification": "evil.Evil", "AutoConfig": "evil.Evil"}
    (there / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(Refused, match="runs code from its own repository"):
        tracked(evaluation(demo, there))
    # Its preprocessing may name code too, which only loading it would show.
    del config["auto_map"]
    (there / "config.json").write_text(json.dumps(config), encoding="utf-8")
    path = there / "preprocessor_config.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    stated["auto_map"] = {"AutoImageProcessor": "evil.Evil"}
    stated.pop("image_processor_type", None)
    path.write_text(json.dumps(stated), encoding="utf-8")
    with pytest.raises((AssayError, ValueError)):
        tracked(evaluation(demo, there))
    assert not (tmp_path / "ran").exists()


def test_code_beside_a_dataset_does_not_run(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "rows.csv").write_text("text,label\na,b\n", encoding="utf-8")
    ran = f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n"
    for name in ("rows.py", "__init__.py", "conftest.py", "dataset.py"):
        (folder / name).write_text(ran, encoding="utf-8")
    from tasks.load import load
    from tasks.spec import Dataset

    with pytest.raises(BadEvaluation, match=r"Dataset scripts are no longer supported, but found rows\.py"):
        load(Dataset(path=str(folder)), seed=0)
    (folder / "rows.py").unlink()
    assert load(Dataset(path=str(folder)), seed=0).rows == 1
    assert not (tmp_path / "ran").exists()
