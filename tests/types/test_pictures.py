"""Task types that see: the number is that of a plain loop over the model, one picture at a time."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks.errors import BadEvaluation, BadLabels
from tasks.metrics import compute
from tests.types.media import judged, pictures, planned, png, saved

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


OBJECTS = [
    {"bbox": [[4.0, 6.0, 20.0, 16.0], [20.0, 5.0, 12.0, 30.0]], "category": [0, 1], "area": [300.0, 350.0]},
    {"bbox": [[1.0, 1.0, 40.0, 30.0]], "category": [2], "area": [1200.0]},
    {"bbox": [], "category": [], "area": []},
    {"bbox": [[30.0, 20.0, 20.0, 20.0]], "category": [1], "area": [400.0]},
    {"bbox": [[2.0, 2.0, 10.0, 10.0]], "category": [0], "area": [100.0]},
]


@pytest.mark.parametrize("nested", ["struct of lists", "list of structs"])
@pytest.mark.parametrize("layout", ["xywh", "xyxy"])
def test_object_detection(tmp_path: Path, nested: str, layout: str) -> None:
    place = yolos(tmp_path / "model")
    shown = photos()
    label = datasets.ClassLabel(names=KINDS)
    corners = [[[x, y, x + w, y + h] for x, y, w, h in each["bbox"]] for each in OBJECTS]
    written = [
        {**each, "bbox": each["bbox"] if layout == "xywh" else box}
        for each, box in zip(OBJECTS, corners, strict=True)
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
    model = transformers.AutoModelForObjectDetection.from_pretrained(place).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    found = []
    for picture, row in zip(shown, rows, strict=True):
        with torch.inference_mode():
            output = model(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (each,) = processor.post_process_object_detection(
            output, threshold=0.0, target_sizes=[picture.shape[:2]]
        )
        order = np.argsort(-np.array(row["scores"]), kind="stable")
        assert order.tolist() == list(range(len(order)))
        assert np.allclose(sorted(row["scores"]), sorted(each["scores"].tolist()), rtol=1e-4)
        assert (row["height"], row["width"]) == picture.shape[:2]
        found.append({name: value.numpy() for name, value in each.items()})
    right = [
        {"boxes": np.reshape(box, (-1, 4)), "labels": each["category"], "area": each["area"]}
        for each, box in zip(OBJECTS, corners, strict=True)
    ]
    wanted = compute("mean_average_precision", predictions=found, references=right, resamples=0)
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
