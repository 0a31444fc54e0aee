"""Distances between sets of pictures, perceptual distance and CLIP score against their definitions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.clip_score import clip_score
from tasks.metrics.perceptual import perceptual_distance
from tasks.metrics.set_distances import frechet_distance, kernel_distance
from tests.metrics import models


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.vit(tmp_path_factory.mktemp("vit") / "eye")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.clip(tmp_path_factory.mktemp("clip") / "pair")


def features(seed: int, rows: int, width: int, shift: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(shift, 1, (rows, width)) @ generator.normal(0, 1, (width, width))


def pictures(seed: int, count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return list(generator.integers(0, 256, (count, 20, 24, 3), dtype=np.uint8))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 6), st.integers(20, 50), st.integers(20, 50))
def test_the_frechet_distance_equals_scipys_square_root(seed: int, width: int, n: int, m: int) -> None:
    from scipy.linalg import sqrtm

    one, other = features(seed, n, width), features(seed + 1, m, width, 0.5)
    covariance = [np.atleast_2d(np.cov(each, rowvar=False)) for each in (one, other)]
    shared = np.trace(np.atleast_2d(sqrtm(covariance[0] @ covariance[1])).real)
    gap = one.mean(0) - other.mean(0)
    theirs = gap @ gap + np.trace(covariance[0]) + np.trace(covariance[1]) - 2 * shared
    ours = compute("frechet_distance", predictions=one, references=other, resamples=0)[
        "frechet_distance"
    ].value
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def test_set_distances_equal_torchmetrics() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from torchmetrics.image.fid import _compute_fid
        from torchmetrics.image.kid import poly_mmd
    one, other = features(0, 60, 8), features(1, 45, 8, 0.3)
    tensors = [torch.from_numpy(each) for each in (one, other)]
    moments = [part for each in tensors for part in (each.mean(0), torch.cov(each.T))]
    ours = compute("frechet_distance", predictions=one, references=other, resamples=0)[
        "frechet_distance"
    ].value
    assert ours == pytest.approx(float(_compute_fid(*moments)), rel=1e-9)
    ours = compute("kernel_distance", predictions=one, references=other[:45], resamples=0)[
        "kernel_distance"
    ].value
    # The reference takes sets of one size only.
    square = compute("kernel_distance", predictions=one[:45], references=other, resamples=0)
    theirs = float(poly_mmd(tensors[1], tensors[0][:45]))
    assert square["kernel_distance"].value == pytest.approx(theirs, rel=1e-9)
    within = [((each @ each.T / 8 + 1) ** 3) * (1 - np.eye(len(each))) for each in (one, other)]
    across = (one @ other.T / 8 + 1) ** 3
    by_hand = within[0].sum() / (60 * 59) + within[1].sum() / (45 * 44) - 2 * across.mean()
    assert ours == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize(("rows", "width"), [(30, 5), (12, 40)])
def test_weights_are_repeated_pictures(rows: int, width: int) -> None:
    one, other = features(3, rows, width), features(4, 25, width, 0.2)
    weights = np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows)).astype(float)
    again = np.repeat(one, weights.astype(int), axis=0)
    measured = frechet_distance(one, other)
    drawn = measured.score(np.stack([weights, np.ones(rows)]))["frechet_distance"]
    whole = compute("frechet_distance", predictions=again, references=other, resamples=0)
    assert drawn[0] == pytest.approx(whole["frechet_distance"].value, rel=1e-6)
    assert drawn[1] == pytest.approx(float(measured.score(np.ones(rows))["frechet_distance"]), rel=1e-6)
    kernel = kernel_distance(one, other)
    assert np.ndim(kernel.score(np.ones(rows))["kernel_distance"]) == 0
    assert ("fewer pictures" in measured.tags["frechet_distance"]) == (width == 40)
    assert f"{rows} against 25 pictures" in measured.tags["frechet_distance"]


def test_kernel_distance_intervals_cover_the_distance_of_the_populations() -> None:
    """Against fixed references, the distance to draw towards is that of a very large sample."""
    other = features(9, 40, 3, 0.4)
    mixing = np.random.default_rng(5).normal(0, 1, (3, 3))

    def drawn(seed: int, rows: int) -> np.ndarray:
        return np.random.default_rng(seed).normal(0, 1, (rows, 3)) @ mixing

    truth = compute("kernel_distance", predictions=drawn(0, 4000), references=other, resamples=0)
    covered = 0
    for seed in range(1, 101):
        found = compute("kernel_distance", predictions=drawn(seed, 80), references=other, resamples=200)
        score = found["kernel_distance"]
        assert score.low is not None
        assert score.high is not None
        covered += score.low <= truth["kernel_distance"].value <= score.high
    assert covered >= 88


def test_equal_sets_are_near_nought_and_intervals_surround_the_score() -> None:
    one = features(1, 50, 4)
    same = compute("frechet_distance", predictions=one, references=one, resamples=0)["frechet_distance"]
    assert same.value == pytest.approx(0, abs=1e-9)
    for name in ("frechet_distance", "kernel_distance"):
        found = compute(name, predictions=one, references=features(2, 70, 4, 1.0), resamples=200)[name]
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        assert found.n == 50
        assert not found.higher_is_better


def test_a_vision_models_features_are_the_mean_over_places(vit: str) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    shown, right = pictures(0, 7), pictures(1, 6)
    model, processor = AutoModel.from_pretrained(vit).eval(), AutoImageProcessor.from_pretrained(vit)

    def seen(images: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        with torch.no_grad():
            made = model(**processor(images=images, return_tensors="pt"), output_hidden_states=True)
        return made.last_hidden_state.mean(1).double().numpy(), [
            layer.double().numpy() for layer in made.hidden_states[1:]
        ]

    expected = compute(
        "frechet_distance", predictions=seen(shown)[0], references=seen(right)[0], resamples=0
    )["frechet_distance"].value
    found = compute("frechet_distance", predictions=shown, references=right, encoder=vit, batch_size=3)
    # Model outputs in single precision differ in the seventh digit between batches.
    assert found["frechet_distance_eye"].value == pytest.approx(expected, rel=1e-4)
    by_function = compute(
        "kernel_distance",
        predictions=shown,
        references=right,
        encoder=lambda images: np.stack([np.asarray(image).mean((0, 1)) for image in images]) / 255,
        resamples=0,
    )
    assert list(by_function) == ["kernel_distance_-lambda-"]
    layers = [seen(images)[1] for images in (shown[:6], right)]
    distances = []
    for row in range(6):
        per_layer = []
        for one, other in zip(*layers, strict=True):
            a, b = (each[row] / np.linalg.norm(each[row], axis=1, keepdims=True) for each in (one, other))
            per_layer.append(((a - b) ** 2).sum(1).mean())
        distances.append(np.mean(per_layer))
    near = compute("perceptual_distance", predictions=shown[:6], references=right, encoder=vit, batch_size=4)
    assert near["perceptual_distance_eye"].value == pytest.approx(np.mean(distances), abs=1e-6)
    assert near["perceptual_distance_eye"].low is not None


def test_the_perceptual_distance_takes_a_function_of_ones_own() -> None:
    def rows_and_columns(images: list[np.ndarray]) -> list[list[np.ndarray]]:
        return [[image.mean(2), image.mean(2).T] for image in images]

    same = perceptual_distance(pictures(0, 3), pictures(0, 3), rows_and_columns)
    assert same.score(same.statistics.total()) == {"perceptual_distance_rows_and_columns": 0}
    with pytest.raises(BadEvaluation, match="different shapes"):
        perceptual_distance([np.ones((4, 4, 3))], [np.ones((5, 4, 3))], rows_and_columns)


def test_the_clip_score_is_the_cosine(clip: str) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(clip).eval(), AutoTokenizer.from_pretrained(clip)
    processor = AutoImageProcessor.from_pretrained(clip)
    shown = [Image.fromarray(each) for each in pictures(0, 6)]
    prompts = ["the cat", "a mat !", "cats", "дом 猫", "the the the", " ".join("abcdefghijklmnop")]
    cosines = []
    for image, prompt in zip(shown, prompts, strict=True):
        text = tokenizer(prompt, truncation=True, max_length=12, return_tensors="pt")
        with torch.no_grad():
            made = model(**processor(images=image, return_tensors="pt"), **text)
        cosines.append(float((made.image_embeds * made.text_embeds).sum()))
    cosine = np.array(cosines)
    found = compute("clip_score", predictions=shown, references=prompts, encoder=clip, batch_size=4)
    assert list(found) == ["clip_score_pair", "clip_score_hessel_pair"]
    assert found["clip_score_pair"].value == pytest.approx(max(100 * cosine.mean(), 0), abs=1e-4)
    hessel = 2.5 * np.maximum(cosine, 0).mean()
    assert found["clip_score_hessel_pair"].value == pytest.approx(hessel, abs=1e-6)
    assert (cosine > 0).any()
    assert "1 prompts cut" in clip_score(shown, prompts, clip).tags["clip_score_pair"]


def test_siglip_sees_the_padding_it_was_trained_with(tmp_path: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = models.siglip(tmp_path / "pair")
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)
    shown, prompts = pictures(0, 4), ["the cat", "a mat", "a", "cats !"]
    text = tokenizer(prompts, padding="max_length", max_length=12, return_tensors="pt")
    with torch.no_grad():
        made = model(**processor(images=shown, return_tensors="pt"), input_ids=text["input_ids"])
    cosine = (made.image_embeds * made.text_embeds).sum(1).double().numpy()
    assert (cosine > 0).any()
    found = compute("clip_score", predictions=shown, references=prompts, encoder=folder)
    assert found["clip_score_hessel_pair"].value == pytest.approx(
        2.5 * np.maximum(cosine, 0).mean(), abs=1e-6
    )


def test_what_cannot_be_seen_is_said(vit: str, tmp_path: Path) -> None:
    with pytest.raises(BadEvaluation, match="at least 2 pictures in each; there are 1 predicted and 3 right"):
        compute("frechet_distance", predictions=np.ones((1, 2)), references=np.ones((3, 2)))
    with pytest.raises(BadEvaluation, match="2 and 3 features"):
        compute("frechet_distance", predictions=np.ones((2, 2)), references=np.ones((3, 3)))
    with pytest.raises(BadEvaluation, match="rows of finite numbers"):
        compute("kernel_distance", predictions=np.full((2, 2), np.nan), references=np.ones((3, 2)))
    with pytest.raises(BadEvaluation, match="at most 10000 pictures"):
        compute("kernel_distance", predictions=np.ones((10_001, 1)), references=np.ones((3, 1)))
    with pytest.raises(BadEvaluation, match="pictures of 8 bits"):
        compute(
            "perceptual_distance", predictions=[np.ones((4, 4))], references=[np.ones((4, 4))], encoder=vit
        )
    with pytest.raises(BadEvaluation, match=r"\(vit\) does not align pictures"):
        compute("clip_score", predictions=pictures(0, 1), references=["a"], encoder=vit)


def test_a_published_models_distances_grow_with_damage(published: Path) -> None:
    """EfficientNet, trained on ImageNet, sees more difference the more noise a photo has."""
    from skimage import data

    encoder = str(published / "models" / "efficientnet-lite0")
    photos = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    generator = np.random.default_rng(0)
    near, far = (
        [
            np.clip(photo + generator.normal(0, spread, photo.shape), 0, 255).astype(np.uint8)
            for photo in photos
        ]
        for spread in (8, 60)
    )
    for name in ("perceptual_distance", "kernel_distance"):
        little, much = (
            compute(name, predictions=shown, references=photos, encoder=encoder, resamples=0)
            for shown in (near, far)
        )
        key = f"{name}_efficientnet-lite0"
        assert little[key].value < much[key].value
