"""Real handwriting: scikit-learn's digits, and three image classifiers of different size trained on them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEST_SHARE = 0.4
SIDE = 16
"""Pixels a side the models see; the images have 8."""
MEAN, SPREAD = 0.5, 0.5


def make_data(folder: Path, demo: Path) -> None:
    """Save the digits as PNG images with their names, split by a seed into train and test."""
    import datasets
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    loaded = load_digits()
    chosen = train_test_split(
        np.arange(len(loaded.target)), test_size=TEST_SHARE, random_state=0, stratify=loaded.target
    )
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    splits = {}
    for name, rows in zip(("train", "test"), chosen, strict=True):
        pictures = []
        for row in rows:
            pixels = (loaded.images[row] * 255 / 16).round().astype("uint8")
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            pictures.append({"bytes": buffer.getvalue(), "path": None})
        columns = {"image": pictures, "label": [int(loaded.target[row]) for row in rows]}
        splits[name] = datasets.Dataset.from_dict(columns, features=features)
    datasets.DatasetDict(splits).save_to_disk(folder)


def _labels() -> dict[str, Any]:
    return {
        "num_labels": len(NAMES),
        "id2label": dict(enumerate(NAMES)),
        "label2id": {name: number for number, name in enumerate(NAMES)},
    }


def make_vit_nano(folder: Path, demo: Path) -> None:
    """Train a vision transformer of one layer, 16 wide."""
    _make_vit(folder, demo, width=32, layers=1, epochs=14)


def make_vit_small(folder: Path, demo: Path) -> None:
    """Train a vision transformer of three layers, 64 wide."""
    _make_vit(folder, demo, width=64, layers=2, epochs=25)


def _make_vit(folder: Path, demo: Path, width: int, layers: int, epochs: int) -> None:
    from transformers import ViTConfig, ViTForImageClassification, set_seed

    set_seed(0)
    config = ViTConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        image_size=SIDE,
        patch_size=4,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **_labels(),
    )
    _train(ViTForImageClassification(config), folder, demo, epochs=epochs, rate=3e-3)


def make_resnet(folder: Path, demo: Path) -> None:
    """Train a small residual convolutional network."""
    from transformers import ResNetConfig, ResNetForImageClassification, set_seed

    set_seed(0)
    config = ResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32, 64],
        depths=[1, 1, 1],
        layer_type="basic",
        downsample_in_first_stage=False,
        **_labels(),
    )
    _train(ResNetForImageClassification(config), folder, demo, epochs=6, rate=5e-3)


def _train(model: Any, folder: Path, demo: Path, *, epochs: int, rate: float) -> None:
    import datasets
    import torch
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    from infra.demo.training import fit, shuffled

    processor = ViTImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=[MEAN] * 3, image_std=[SPREAD] * 3
    )
    train = datasets.load_from_disk(str(demo / "data" / "digits"))["train"]
    images = [image.convert("RGB") for image in train["image"]]
    pixels = processor(images=images, return_tensors="pt")["pixel_values"]
    labels = torch.tensor(train["label"][:])

    def batches(epoch: int) -> list[dict[str, Any]]:
        return [
            {"pixel_values": pixels[rows], "labels": labels[rows]}
            for rows in shuffled(len(labels), 32, epoch)
        ]

    fit(model, batches, epochs=epochs, rate=rate).save_pretrained(folder)
    processor.save_pretrained(folder)
