"""Depth estimation: maps and scores are those of a plain loop over the model, one picture at a time."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.images import opened
from tests.types.judging import judged, planned, saved
from tests.types.media import pictures, png


def glpn(place: Path) -> str:
    torch.manual_seed(0)
    config = transformers.GLPNConfig(
        num_encoder_blocks=4,
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        sr_ratios=[2, 2, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=8,
        initializer_range=0.5,
        max_depth=10,
    )
    transformers.GLPNForDepthEstimation(config).save_pretrained(place)
    transformers.GLPNImageProcessor(size_divisor=32).save_pretrained(place)
    return str(place)


def test_depth_estimation(tmp_path: Path) -> None:
    place = glpn(tmp_path / "model")
    shown = [*pictures(2, width=64, height=64), *pictures(2, width=96, height=64)]
    generator = np.random.default_rng(0)
    right = [generator.integers(0, 12_000, each.shape[:2]).astype(np.uint16) for each in shown]
    columns = {"image": [png(each) for each in shown], "depth_map": [png(each) for each in right]}
    data = saved(tmp_path / "data", columns, image=datasets.Image(), depth_map=datasets.Image())
    given = {"task": "depth-estimation", "dataset": {"path": data}, "models": [place]}
    judgement, rows = judged({**given, "metrics": [{"name": "depth_errors", "unit": 1000, "most": 10}]})
    model = transformers.AutoModelForDepthEstimation.from_pretrained(place).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    relative, near = [], []
    for picture, row, wanted in zip(shown, rows, right, strict=True):
        with torch.inference_mode():
            output = model(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (each,) = processor.post_process_depth_estimation(output, target_sizes=[picture.shape[:2]])
        found = each["predicted_depth"].numpy()
        assert np.allclose(np.asarray(opened(row["depth"], 0)), found, rtol=1e-4)
        metres = wanted / 1000
        known = (metres > 0) & (metres <= 10)
        depth, metres = found[known].clip(1e-3, 10), metres[known]
        relative.append((np.abs(depth - metres) / metres).mean())
        near.append((np.maximum(depth / metres, metres / depth) < 1.25).mean())
    assert judgement.scores["abs_rel"].value == pytest.approx(np.mean(relative), rel=1e-4)
    assert judgement.scores["delta_1"].value == pytest.approx(np.mean(near), rel=1e-3)
    with pytest.raises(BadEvaluation, match="holds pictures of mode RGB"):
        planned({**given, "columns": {"image": "depth_map", "depth": "image"}})


@pytest.mark.parametrize(
    ("fit", "made"), [("median", lambda depth: 7 * depth), ("disparity", lambda depth: 3 / depth + 2)]
)
def test_maps_without_a_scale_are_fitted(fit: str, made: object) -> None:
    right = np.random.default_rng(1).uniform(1, 9, (20, 30))
    assert callable(made)
    scores = compute("depth_errors", predictions=[made(right)], references=[right], fit=fit, resamples=0)
    assert scores[f"abs_rel_{fit}"].value == pytest.approx(0, abs=1e-9)
    assert scores[f"delta_1_{fit}"].value == 1
    plain = compute("depth_errors", predictions=[made(right)], references=[right], resamples=0)
    assert plain["abs_rel"].value > 0.1


def test_scores_worked_out_by_hand() -> None:
    predicted, right = [[1.0, 2.0], [5.0, 9.0]], [[1.2, 4.0], [0.0, np.nan]]
    scores = compute("depth_errors", predictions=[predicted], references=[right], resamples=0)
    assert scores["abs_rel"].value == pytest.approx((0.2 / 1.2 + 0.5) / 2)
    assert scores["depth_rmse"].value == pytest.approx(np.sqrt((0.04 + 4) / 2))
    assert [scores[f"delta_{power}"].value for power in (1, 2, 3)] == [0.5, 0.5, 0.5]
    assert not scores["abs_rel"].higher_is_better
    with pytest.raises(BadEvaluation, match="No pixel of the map of row 0"):
        compute("depth_errors", predictions=[predicted], references=[np.zeros((2, 2))])
