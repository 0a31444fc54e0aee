"""Zero-shot task types: the number is that of a plain loop over the whole model, one row at a time."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks.errors import UnknownName
from tests.metrics import models
from tests.types.judging import judged, planned, saved
from tests.types.media import noises, pictures, png, wave

LABELS = ["cat", "mat", "a_b"]
TEXTS = ["the cat", "the mat", "the a b"]


def photos(folder: Path) -> tuple[str, list[np.ndarray]]:
    shown = pictures(5)
    columns = {"img": [png(each) for each in shown], "label": [0, 1, 2, 1, 0]}
    return saved(folder, columns, img=datasets.Image(), label=datasets.ClassLabel(names=LABELS)), shown


@pytest.mark.parametrize("made", ["clip", "siglip"])
def test_zero_shot_image_classification(tmp_path: Path, made: str) -> None:
    place = getattr(models, made)(tmp_path / "model")
    data, shown = photos(tmp_path / "data")
    judgement, rows = judged(
        {
            "task": "zero-shot-image-classification",
            "dataset": {"path": data},
            "models": [place],
            "settings": {"hypothesis_template": "the {}"},
        }
    )
    model = transformers.AutoModelForZeroShotImageClassification.from_pretrained(place).eval()
    images = transformers.AutoImageProcessor.from_pretrained(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    if made == "siglip":
        texts = {"input_ids": words(TEXTS, padding="max_length", return_tensors="pt")["input_ids"]}
    else:
        texts = words(TEXTS, padding=True, return_tensors="pt")
        texts.pop("token_type_ids", None)
    hits = 0
    for picture, row, label in zip(shown, rows, [0, 1, 2, 1, 0], strict=True):
        pixels = images(images=Image.fromarray(picture), return_tensors="pt")
        with torch.inference_mode():
            logits = model(**texts, **pixels).logits_per_image[0]
        assert np.allclose(row["probabilities"], logits.softmax(-1).numpy(), rtol=1e-4)
        hits += int(logits.argmax()) == label
    assert judgement.scores["accuracy"].value == hits / 5


def test_labels_can_be_worded_otherwise(tmp_path: Path) -> None:
    place = models.clip(tmp_path / "model")
    data, _ = photos(tmp_path / "data")
    given = {"task": "zero-shot-image-classification", "dataset": {"path": data}}
    worded = {"name": place, "labels": {"a cat": "cat", "the cat": "cat"}}
    _, candidate = planned({**given, "models": [worded]})
    assert candidate.options.candidates == ("a cat", "the cat", "mat", "a b")
    _, plain = planned({**given, "models": [place]})
    assert plain.key != candidate.key
    with pytest.raises(UnknownName, match="Did you mean 'cat'"):
        planned({**given, "models": [{"name": place, "labels": {"a cat": "cats"}}]})


def test_zero_shot_audio_classification(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.ClapConfig(
        text_config={
            "vocab_size": 42,
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_position_embeddings": 64,
            "pad_token_id": 0,
            "projection_dim": 16,
        },
        audio_config={
            "spec_size": 64,
            "num_mel_bins": 16,
            "window_size": 4,
            "patch_size": 4,
            "patch_stride": [4, 4],
            "patch_embeds_hidden_size": 8,
            "hidden_size": 16,
            "depths": [1, 1],
            "num_attention_heads": [2, 2],
            "num_hidden_layers": 2,
            "projection_dim": 16,
        },
        projection_dim=16,
    )
    place = tmp_path / "model"
    transformers.ClapModel(config).save_pretrained(place)
    models.tokenizer(place)
    transformers.ClapFeatureExtractor(
        feature_size=16, max_length_s=1, truncation="rand_trunc", padding="repeatpad"
    ).save_pretrained(place)
    sounds = noises(24000, 48000, 90000)
    columns = {"audio": [wave(each, 48000) for each in sounds], "category": ["cat", "mat", "cat"]}
    judgement, rows = judged(
        {
            "task": "zero-shot-audio-classification",
            "dataset": {"path": saved(tmp_path / "data", columns, audio=datasets.Audio(decode=False))},
            "models": [str(place)],
        }
    )
    model = transformers.ClapModel.from_pretrained(place).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(place)
    words = transformers.AutoTokenizer.from_pretrained(place)
    texts = words(["This is a sound of cat.", "This is a sound of mat."], padding=True, return_tensors="pt")
    texts.pop("token_type_ids", None)
    hits = 0
    for samples, row, label in zip(sounds, rows, columns["category"], strict=True):
        heard = extractor(samples[:48000], sampling_rate=48000, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**texts, **heard).logits_per_audio[0]
        assert np.allclose(row["probabilities"], logits.softmax(-1).numpy(), rtol=1e-4)
        hits += ["cat", "mat"][int(logits.argmax())] == label
    assert judgement.scores["accuracy"].value == hits / 3
