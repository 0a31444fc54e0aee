"""What the tests of media task types share: an evaluation without servers, sounds, pictures, data sets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import soundfile
from PIL import Image

from tasks import candidates, load, predict, score
from tasks.candidates import Candidate
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.plan import Plan, requests
from tasks.score import Judgement
from tasks.tracking import artifacts
from tasks.types import task_type
from tests.looks import looked


def planned(given: dict[str, Any]) -> tuple[Plan, Candidate]:
    """Decide everything about an evaluation of one model."""
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, 0)
    features = load.open_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    return plan, candidate


def judged(given: dict[str, Any]) -> tuple[Judgement, list[dict[str, Any]]]:
    """Evaluate the one model of an evaluation without Prefect or MLflow; no row may fail.

    What a run would keep to look at is made too: a row of it for each row predicted.
    """
    plan, candidate = planned(given)
    stored = predict.predict(plan, candidate)
    table = stored.table()
    rows = table.to_pylist()
    assert [row["error"] for row in rows] == [None] * len(rows)
    shown = artifacts.sample_table(plan, candidate, table)
    assert {len(values) for values in shown.values()} == {min(len(rows), len(shown["row"]))}
    assert artifacts.with_references(plan, table).num_rows == len(rows)
    judgement = score.score(plan, candidate, stored)
    assert "mistakes.html" in looked(plan, candidate, stored, judgement)
    return judgement, rows


def wave(samples: np.ndarray, rate: int = 16000) -> dict[str, Any]:
    """Encode a sound as datasets store it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return {"bytes": buffer.getvalue(), "path": None}


def noises(*lengths: int) -> list[np.ndarray]:
    """Return noise of several lengths in samples."""
    generator = np.random.default_rng(0)
    return [generator.normal(size=length).astype("float32") * 0.1 for length in lengths]


def png(pixels: np.ndarray | Image.Image) -> dict[str, Any]:
    """Encode a picture as datasets store it."""
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def pictures(count: int, width: int = 48, height: int = 40) -> list[np.ndarray]:
    """Return pictures of noise, each with a patch of one colour."""
    generator = np.random.default_rng(0)
    made = generator.integers(0, 255, size=(count, height, width, 3), dtype=np.uint8)
    for number, picture in enumerate(made):
        picture[4 : 20 + number, 6 : 24 + 2 * number] = generator.integers(0, 255, size=3)
    return list(made)


def saved(folder: Path, columns: dict[str, list[Any]], **features: Any) -> str:
    """Save a data set, given features of some columns, and return its folder."""
    data = datasets.Dataset.from_dict(columns)
    for name, feature in features.items():
        data = data.cast_column(name, feature)
    data.save_to_disk(folder)
    return str(folder)
