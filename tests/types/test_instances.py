"""Objects with masks: equal to a plain loop and to COCO's own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pycocotools.mask
import pytest
import torch
import transformers
from PIL import Image

from tasks.errors import BadEvaluation, BadLabels
from tasks.metrics import compute
from tasks.types import instances
from tests.types.judging import judged, planned, saved
from tests.types.media import pictures, png
from tests.types.test_pictures import NAMED, mask2former, segformer

NAMES = list(NAMED["id2label"].values())


def maskformer(place: Path) -> str:
    torch.manual_seed(3)
    config = transformers.MaskFormerConfig(
        fpn_feature_size=32,
        mask_feature_size=32,
        backbone_config=transformers.SwinConfig(
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            image_size=64,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        decoder_config=transformers.DetrConfig(
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            num_queries=6,
        ),
        **NAMED,
    )
    transformers.MaskFormerForInstanceSegmentation(config).eval().save_pretrained(place)
    transformers.MaskFormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(place)
    return str(place)


def shown() -> list[np.ndarray]:
    return [*pictures(2), *pictures(1, 64, 32)]


def loop(place: str) -> list[dict[str, Any]]:
    """Return what a plain loop finds: boolean masks, labels and scores of each image."""
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    model = transformers.AutoModelForUniversalSegmentation.from_pretrained(place).eval()
    found = []
    for picture in shown():
        with torch.inference_mode():
            output = model(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (one,) = processor.post_process_instance_segmentation(
            output, threshold=0.0, target_sizes=[picture.shape[:2]], return_binary_maps=True
        )
        info = one["segments_info"]
        found.append(
            {
                "masks": one["segmentation"].numpy().astype(np.uint8) if info else [],
                "labels": [NAMES[each["label_id"]] for each in info],
                "scores": [each["score"] for each in info],
            }
        )
    return found


def annotated(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return right objects: the half of those found that comes first, the last of them moved."""
    right = []
    for each in found:
        count = max(1, len(each["masks"]) // 2)
        masks = [np.asarray(mask) for mask in each["masks"][:count]]
        masks[-1] = np.roll(masks[-1], 3, axis=1)
        right.append({"masks": masks, "labels": each["labels"][:count]})
    return right


def written(right: list[dict[str, Any]], how: str) -> list[Any]:
    """Write objects as datasets do."""
    rows: list[Any] = []
    for each in right:
        labels = [label.upper() for label in each["labels"]]
        if how == "pictures":
            masks: list[Any] = [png(mask * 255) for mask in each["masks"]]
        else:
            coded = [pycocotools.mask.encode(np.asfortranarray(mask)) for mask in each["masks"]]
            if how == "runs":
                masks = [{"size": mask.shape, "counts": instances.runs(mask)} for mask in each["masks"]]
            else:
                masks = [{"size": one["size"], "counts": one["counts"].decode()} for one in coded]
        if how == "runs":
            pairs = zip(masks, labels, strict=True)
            rows.append([{"segmentation": mask, "category": label} for mask, label in pairs])
        else:
            rows.append({"mask": masks, "label": labels})
    return rows


@pytest.mark.parametrize(
    ("make", "how"), [(mask2former, "runs"), (maskformer, "pictures"), (mask2former, "compressed")]
)
def test_instance_segmentation(tmp_path: Path, make: Any, how: str) -> None:
    place = make(tmp_path / "model")
    found = loop(place)
    right = annotated(found)
    columns = {"image": [png(each) for each in shown()], "objects": written(right, how)}
    data = saved(tmp_path / "data", columns, image=datasets.Image())
    judgement, rows = judged({"task": "image-segmentation", "dataset": {"path": data}, "models": [place]})
    for row, wanted in zip(rows, found, strict=True):
        order = sorted(range(len(wanted["scores"])), key=lambda each: -wanted["scores"][each])
        assert row["labels"] == [wanted["labels"][number] for number in order]
        assert np.allclose(row["scores"], [wanted["scores"][number] for number in order])
        assert row["masks"] == [instances.runs(wanted["masks"][number]) for number in order]
    score = compute(
        "mean_average_precision", predictions=found, references=right, iou_type="segm", resamples=0
    )
    for key in ("segm_map", "segm_map_50", "segm_mar_100"):
        assert judgement.scores[key].value == pytest.approx(score[key].value, rel=1e-6)
    assert judgement.scores["segm_map_50"].value > 0
    assert "mean_iou" not in judgement.scores


def test_runs_are_those_of_coco() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        mask = (generator.random((7, 5)) > 0.4).astype(np.uint8)
        own = pycocotools.mask.frPyObjects({"size": [7, 5], "counts": instances.runs(mask)}, 7, 5)
        assert own["counts"] == pycocotools.mask.encode(np.asfortranarray(mask))["counts"]


def test_polygons_are_filled_within_a_border_of_cocos() -> None:
    points = [5.0, 5.0, 40.0, 8.0, 35.0, 30.0, 20.0, 38.0, 8.0, 25.0]
    own = instances.mask_of([points], (48, 48))
    coded = pycocotools.mask.merge(pycocotools.mask.frPyObjects([points], 48, 48))
    coco = instances.mask_of(coded, (48, 48))
    assert coco.sum() == pycocotools.mask.area(coded)
    # A pixel's border: whatever is right or wrong all around a pixel, both say the same of it.
    neighbours = [np.roll(coco, (down, aside), (0, 1)) for down in (-1, 0, 1) for aside in (-1, 0, 1)]
    sure = np.all(neighbours, axis=0) | ~np.any(neighbours, axis=0)
    assert (own == coco)[sure].all()
    assert (own & coco).sum() / (own | coco).sum() > 0.9


def test_models_and_datasets_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    place = segformer(tmp_path / "model")
    columns: dict[str, Any] = {"image": [png(pictures(1)[0])], "objects": [{"bbox": [[1]], "label": ["cat"]}]}
    data = saved(tmp_path / "data", columns, image=datasets.Image())
    given = {"task": "image-segmentation", "models": [place]}
    with pytest.raises(BadEvaluation, match=r"no field of masks .*there are: bbox, label"):
        planned({**given, "dataset": {"path": data}})
    columns["objects"] = [{"mask": [[[1.0, 1.0, 5.0, 1.0, 5.0, 5.0]]], "label": ["cow"]}]
    data = saved(tmp_path / "other", columns, image=datasets.Image())
    with pytest.raises(BadLabels, match="cow"):
        planned({**given, "dataset": {"path": data}})
    columns["objects"][0]["label"] = ["cat"]
    data = saved(tmp_path / "third", columns, image=datasets.Image())
    with pytest.raises(BadEvaluation, match="tells no overlapping objects apart"):
        judged({**given, "dataset": {"path": data}, "models": [{"name": place, "labels": {}}]})
