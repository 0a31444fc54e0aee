"""Pictures against scikit-image and torchmetrics."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tasks.errors import BadEvaluation
from tasks.metrics import compute

KINDS = st.sampled_from([(np.uint8, 255.0), (np.float64, 1.0), (np.float32, 2.0)])


def pictures(seed: int, height: int, width: int, channels: int, dtype: Any, span: float) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    shape = (height, width, channels) if channels else (height, width)
    smooth = np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.4, width))
    base = (smooth[..., None] if channels else smooth) * np.ones(shape)
    noisy = np.clip(base + generator.normal(0, 0.1 * generator.random(), shape), 0, 1)
    return [(each * span).astype(dtype) for each in (noisy, base)]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 1000),
    st.integers(11, 40),
    st.integers(11, 40),
    st.sampled_from([0, 1, 3, 4]),
    KINDS,
    st.sampled_from(["gaussian", "uniform"]),
)
def test_psnr_and_ssim_equal_scikit_images(
    seed: int, height: int, width: int, channels: int, kind: tuple[Any, float], window: str
) -> None:
    one, other = pictures(seed, height, width, channels, *kind)
    span = None if kind[0] is np.uint8 else kind[1]
    if (one != other).any():
        ours = compute("psnr", predictions=[one], references=[other], data_range=span)["psnr"].value
        theirs = peak_signal_noise_ratio(other.astype(np.float64), one.astype(np.float64), data_range=kind[1])
        assert ours == pytest.approx(theirs, abs=1e-9)
    key = "ssim" if window == "gaussian" else "ssim_uniform"
    ours = compute("ssim", predictions=[one], references=[other], data_range=span, window=window)[key].value
    theirs = structural_similarity(
        one.astype(np.float64),
        other.astype(np.float64),
        data_range=kind[1],
        channel_axis=-1 if channels else None,
        gaussian_weights=window == "gaussian",
        use_sample_covariance=False,
    )
    assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(("height", "width", "channels"), [(176, 176, 3), (181, 203, 1), (240, 177, 3)])
def test_ms_ssim_equals_torchmetrics_without_its_border(height: int, width: int, channels: int) -> None:
    """As a whole torchmetrics' value keeps the padded border at the last scale, and there alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from torchmetrics.functional.image import (
            multiscale_structural_similarity_index_measure,
            structural_similarity_index_measure,
        )
    pair = pictures(3, height, width, channels, np.float64, 1.0)
    one, other = (torch.from_numpy(each).permute(2, 0, 1)[None] for each in pair)
    ours = compute("ms_ssim", predictions=pair[:1], references=pair[1:], data_range=1.0)["ms_ssim"].value
    whole = float(multiscale_structural_similarity_index_measure(one, other, data_range=1.0))
    assert 0 < ours < 1
    assert ours == pytest.approx(whole, abs=1e-5)
    theirs = 1.0
    for power in (0.0448, 0.2856, 0.3001, 0.2363, None):
        if power is None:
            _, full = structural_similarity_index_measure(one, other, data_range=1.0, return_full_image=True)
            theirs *= float(full[..., 5:-5, 5:-5].mean()) ** 0.1333
            break
        _, contrast = structural_similarity_index_measure(
            one, other, data_range=1.0, return_contrast_sensitivity=True
        )
        theirs *= float(contrast.mean()) ** power
        one, other = (torch.nn.functional.avg_pool2d(each, 2) for each in (one, other))
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_pil_images_arrays_lists_and_files_are_one_picture(tmp_path: Path) -> None:
    one, other = pictures(1, 16, 20, 3, np.uint8, 255.0)
    for made in (Image.fromarray, np.asarray):
        found = compute("psnr", predictions=[made(one)], references=[made(other)])
        assert found["psnr"].value == pytest.approx(peak_signal_noise_ratio(other, one), abs=1e-9)
    listed = compute("psnr", predictions=[one.tolist()], references=[other.tolist()], data_range=255)
    assert listed == found
    Image.fromarray(one).save(tmp_path / "one.png")
    encoded = (tmp_path / "one.png").read_bytes()
    for stored in (encoded, {"bytes": encoded, "path": None}, {"path": str(tmp_path / "one.png")}):
        assert compute("psnr", predictions=[stored], references=[other]) == found
    for unread in (b"nothing", {"path": str(tmp_path / "gone.png")}):
        with pytest.raises(BadEvaluation, match="cannot be read"):
            compute("psnr", predictions=[unread], references=[other])


def test_the_mean_has_an_interval_and_an_equal_picture_is_infinitely_good() -> None:
    rows = [pictures(seed, 16, 16, 0, np.float64, 1.0) for seed in range(30)]
    found = compute("ssim", predictions=[r[0] for r in rows], references=[r[1] for r in rows], data_range=1)
    assert found["ssim"].low is not None
    assert found["ssim"].low < found["ssim"].value < 1
    same = compute(
        "psnr", predictions=[rows[0][0], rows[1][0]], references=[rows[0][0], rows[1][1]], data_range=1
    )
    assert same["psnr"].value == np.inf
    assert same["psnr"].low is None


@pytest.mark.parametrize(
    ("name", "one", "other", "more", "words"),
    [
        ("psnr", np.zeros((4, 4)), np.zeros((4, 5)), {"data_range": 1}, "predicted 4 x 4 with 1 channel"),
        ("psnr", np.zeros((4, 4)), np.zeros((4, 4)), {}, "give data_range"),
        ("psnr", np.full((4, 4), np.nan), np.zeros((4, 4)), {"data_range": 1}, "NaN or infinity"),
        ("psnr", np.full((4, 4), 9.0), np.zeros((4, 4)), {"data_range": 1}, "range over 9"),
        ("psnr", np.zeros((4, 4)), np.zeros((4, 4)), {"data_range": 0}, "above 0"),
        ("psnr", np.zeros((4, 4, 2)), np.zeros((4, 4, 2)), {"data_range": 1}, "1, 3 or 4 channels"),
        ("psnr", "cat.png", "cat.png", {}, "not numbers"),
        ("ssim", np.zeros((10, 30)), np.zeros((10, 30)), {"data_range": 1}, "30 x 10"),
        (
            "ssim",
            np.zeros((20, 20)),
            np.zeros((20, 20)),
            {"data_range": 1, "window": "uniform", "window_size": 4},
            "odd",
        ),
        (
            "ssim",
            np.zeros((20, 20)),
            np.zeros((20, 20)),
            {"data_range": 1, "window_size": 9},
            "window: uniform",
        ),
        ("ms_ssim", np.zeros((175, 300)), np.zeros((175, 300)), {"data_range": 1}, "at least 176"),
    ],
)
def test_what_cannot_be_compared_is_said(
    name: str, one: Any, other: Any, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute(name, predictions=[one], references=[other], **more)
    with pytest.raises(BadEvaluation, match="no rows"):
        compute(name, predictions=[], references=[])
