"""Task types that see: the number is that of a plain loop over the model, one picture at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks.errors import BadEvaluation, BadLabels
from tasks.metrics import compute
from tasks.types import image_segmentation
from tests.types.judging import judged, planned, saved
from tests.types.media import pictures, png

KINDS = ["cat", "dog", "bird"]
NAMED = {"id2label": dict(enumerate(KINDS)), "label2id": {kind: n for n, kind in enumerate(KINDS)}}


def yolos(place: Path) -> str:
    """Save a tiny detector whose boxes are of all sizes."""
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[64, 64],
        patch_size=16,
        num_detection_tokens=12,
        initializer_range=0.5,
        use_mid_position_embeddings=False,
        **NAMED,
    )
    transformers.YolosForObjectDetection(config).save_pretrained(place)
    transformers.YolosImageProcessor(size={"shortest_edge": 48, "longest_edge": 96}).save_pretrained(place)
    return str(place)


def photos() -> list[np.ndarray]:
    return [*pictures(2), *pictures(2, width=64, height=48), *pictures(1)]


def detected(place: str, shown: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Detect picture by picture, as the model's own documentation does."""
    model = transformers.AutoModelForObjectDetection.from_pretrained(place).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    found = []
    for picture in shown:
        with torch.inference_mode():
            output = model(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (each,) = processor.post_process_object_detection(
            output, threshold=0.0, target_sizes=[picture.shape[:2]]
        )
        found.append({name: value.numpy() for name, value in each.items()})
    return found


def near(found: dict[str, np.ndarray], count: int) -> dict[str, list]:
    """Return objects near some of those detected, as COCO writes them."""
    boxes = found["boxes"][:count] + np.array([1, 1, -1, -1])
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    labels = found["labels"][:count].tolist()
    return {"bbox": sides.tolist(), "category": labels, "area": sides[:, 2:].prod(axis=1).tolist()}


@pytest.mark.parametrize("nested", ["struct of lists", "list of structs"])
@pytest.mark.parametrize("layout", ["xywh", "xyxy"])
def test_object_detection(tmp_path: Path, nested: str, layout: str) -> None:
    place = yolos(tmp_path / "model")
    shown = photos()
    label = datasets.ClassLabel(names=KINDS)
    found = detected(place, shown)
    right = [near(each, count) for each, count in zip(found, (2, 1, 0, 3, 1), strict=True)]
    corners = [[[x, y, x + w, y + h] for x, y, w, h in each["bbox"]] for each in right]
    written = [
        {**each, "bbox": each["bbox"] if layout == "xywh" else box}
        for each, box in zip(right, corners, strict=True)
    ]
    inner = {
        "bbox": datasets.List(datasets.Value("float32"), 4),
        "category": label,
        "area": datasets.Value("float64"),
    }
    if nested == "struct of lists":
        feature = {name: datasets.List(each) for name, each in inner.items()}
        objects = written
    else:
        feature = datasets.List(inner)
        objects = [
            [dict(zip(each, values, strict=True)) for values in zip(*each.values(), strict=True)]
            for each in written
        ]
    data = saved(
        tmp_path / "data",
        {"image": [png(each) for each in shown], "objects": objects},
        image=datasets.Image(),
        objects=feature,
    )
    judgement, rows = judged({"task": "object-detection", "dataset": {"path": data}, "models": [place]})
    for picture, row, each in zip(shown, rows, found, strict=True):
        assert row["scores"] == sorted(row["scores"], reverse=True)
        assert np.allclose(row["scores"], sorted(each["scores"].tolist(), reverse=True), rtol=1e-4)
        assert (row["height"], row["width"]) == picture.shape[:2]
    references = [
        {"boxes": np.reshape(box, (-1, 4)), "labels": each["category"], "area": each["area"]}
        for each, box in zip(right, corners, strict=True)
    ]
    wanted = compute("mean_average_precision", predictions=found, references=references, resamples=0)
    for key in ("map", "map_50", "mar_100"):
        assert judgement.scores[key].value == pytest.approx(wanted[key].value, rel=1e-4)
    assert judgement.scores["map_50"].value > 0


def test_objects_without_boxes_or_with_other_labels_are_refused(tmp_path: Path) -> None:
    place = yolos(tmp_path / "model")
    columns = {"image": [png(pictures(1)[0])], "objects": [{"mask": [[1]], "category": ["cat"]}]}
    data = saved(tmp_path / "data", columns, image=datasets.Image())
    given = {"task": "object-detection", "models": [place]}
    with pytest.raises(BadEvaluation, match=r"no field of boxes .*there are: mask, category"):
        planned({**given, "dataset": {"path": data}})
    columns["objects"] = [{"bbox": [[0.0, 0.0, 1.0, 1.0]], "category": ["cow"]}]
    data = saved(tmp_path / "other", columns, image=datasets.Image())
    with pytest.raises(BadLabels, match="No label of the model 'model' is called cow"):
        planned({**given, "dataset": {"path": data}})


def segformer(place: Path) -> str:
    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 8],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        initializer_range=0.5,
        **NAMED,
    )
    transformers.SegformerForSemanticSegmentation(config).save_pretrained(place)
    transformers.SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(place)
    return str(place)


def mask2former(place: Path) -> str:
    torch.manual_seed(0)
    config = transformers.Mask2FormerConfig(
        backbone_config=transformers.SwinConfig(
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            image_size=64,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        hidden_dim=32,
        feature_size=32,
        mask_feature_size=32,
        num_attention_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        dim_feedforward=16,
        encoder_feedforward_dim=16,
        num_queries=6,
        **NAMED,
    )
    transformers.Mask2FormerForUniversalSegmentation(config).eval().save_pretrained(place)
    transformers.Mask2FormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(place)
    return str(place)


def maps(shown: list[np.ndarray]) -> list[np.ndarray]:
    """Return maps of three classes in stripes, with a border to be ignored."""
    made = [(np.indices(picture.shape[:2]).sum(0) // 12 % 3).astype(np.uint8) for picture in shown]
    for each in made:
        each[:3] = 255
    return made


@pytest.mark.parametrize("make", [segformer, mask2former])
def test_image_segmentation(tmp_path: Path, make: Any) -> None:
    place = make(tmp_path / "model")
    shown = photos()
    right = maps(shown)
    columns = {"image": [png(each) for each in shown], "annotation": [png(each) for each in right]}
    data = saved(tmp_path / "data", columns, image=datasets.Image(), annotation=datasets.Image())
    judgement, rows = judged(
        {
            "task": "image-segmentation",
            "dataset": {"path": data},
            "models": [place],
            "metrics": ["mean_iou", "pixel_accuracy", "dice"],
        }
    )
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    family = "SemanticSegmentation" if make is segformer else "UniversalSegmentation"
    model = getattr(transformers, f"AutoModelFor{family}").from_pretrained(place).eval()
    both, either, hits, counted = np.zeros(3), np.zeros(3), 0, 0
    for picture, row, wanted in zip(shown, rows, right, strict=True):
        with torch.inference_mode():
            output = model(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (found,) = processor.post_process_semantic_segmentation(output, target_sizes=[picture.shape[:2]])
        classes = found.numpy()
        assert np.array_equal(image_segmentation.numbers(row["map"]), classes)
        seen = wanted != 255
        hits, counted = hits + (classes == wanted)[seen].sum(), counted + seen.sum()
        for number in range(3):
            both[number] += ((classes == number) & (wanted == number))[seen].sum()
            either[number] += ((classes == number) | (wanted == number))[seen].sum()
    assert judgement.scores["mean_iou"].value == pytest.approx((both / either).mean(), rel=1e-9)
    assert judgement.scores["pixel_accuracy"].value == pytest.approx(hits / counted, rel=1e-9)
    assert 0 < judgement.scores["dice_macro"].value < 1
    assert [row["label"] for row in judgement.details["per_class"]] == KINDS


def test_maps_in_other_numbers_and_coloured_maps(tmp_path: Path) -> None:
    place = segformer(tmp_path / "model")
    shown = photos()
    columns = {"image": [png(each) for each in shown], "mask": [png(each) for each in maps(shown)]}
    data = saved(tmp_path / "data", columns, image=datasets.Image(), mask=datasets.Image())
    given = {"task": "image-segmentation", "dataset": {"path": data}, "metrics": ["pixel_accuracy"]}
    plain, _ = judged({**given, "models": [place]})
    turned = {"cat": "1", "dog": "2", "bird": "0"}
    other, rows = judged({**given, "models": [{"name": place, "labels": turned}]})
    found = [image_segmentation.numbers(row["map"]) for row in rows]
    hits = sum(((each + 1) % 3 == wanted)[3:].sum() for each, wanted in zip(found, maps(shown), strict=True))
    assert other.scores["pixel_accuracy"].value == pytest.approx(hits / sum(each[3:].size for each in found))
    assert other.scores["pixel_accuracy"].value != plain.scores["pixel_accuracy"].value
    with pytest.raises(BadEvaluation, match="give the number"):
        planned({**given, "models": [{"name": place, "labels": {"cat": "one"}}]})
    with pytest.raises(BadEvaluation, match="holds pictures of mode RGB"):
        planned({**given, "models": [place], "columns": {"image": "mask", "map": "image"}})


def test_image_classification_with_several_labels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    place = tmp_path / "model"
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        initializer_range=0.6,
        problem_type="multi_label_classification",
        **NAMED,
    )
    transformers.ViTForImageClassification(config).save_pretrained(place)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(place)
    shown = photos()
    right = [[0, 1], [2], [], [1], [0, 1, 2]]
    columns = {"image": [png(each) for each in shown], "labels": right}
    listed = datasets.List(datasets.ClassLabel(names=KINDS))
    data = saved(tmp_path / "data", columns, image=datasets.Image(), labels=listed)
    judgement, rows = judged(
        {
            "task": "image-classification",
            "dataset": {"path": data},
            "models": [str(place)],
            "metrics": ["subset_accuracy", {"name": "multilabel_f1", "average": "micro"}],
            "settings": {"threshold": 0.4},
        }
    )
    model = transformers.AutoModelForImageClassification.from_pretrained(place).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    whole, both, sizes = 0, 0, 0
    for picture, row, wanted in zip(shown, rows, right, strict=True):
        with torch.inference_mode():
            logits = model(**processor(images=Image.fromarray(picture), return_tensors="pt")).logits[0]
        given = {number for number, each in enumerate(logits.sigmoid().tolist()) if each >= 0.4}
        assert set(row["labels"]) == {KINDS[number] for number in given}
        whole += given == set(wanted)
        both, sizes = both + len(given & set(wanted)), sizes + len(given) + len(wanted)
    assert judgement.scores["subset_accuracy"].value == whole / 5
    assert next(iter(judgement.scores)) == "subset_accuracy"
    (f1,) = (score for key, score in judgement.scores.items() if "f1" in key)
    assert f1.value == pytest.approx(2 * both / sizes)
