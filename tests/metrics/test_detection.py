"""Detections against pycocotools."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.detection import mean_average_precision

KEYS = [
    *("map", "map_50", "map_75", "map_small", "map_medium", "map_large"),
    *("mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"),
]


def scene(seed: int, images: int, labels: int, *, ties: bool = False) -> tuple[list[Any], list[Any]]:
    """Images of objects with crowds, near misses, duplicates and inventions, as boxes xywh."""
    generator = np.random.default_rng(seed)
    predictions, references = [], []
    for _ in range(images):
        there = int(generator.integers(0, 7))
        corner = generator.integers(0, 200, (there, 2)).astype(float)
        side = generator.choice([6, 20, 32, 60, 96, 150], (there, 2)) + generator.integers(0, 3, (there, 2))
        boxes = np.concatenate([corner, side], axis=1)
        kinds = generator.integers(0, labels, there)
        crowd = (generator.random(there) < 0.15).astype(int)
        again = np.repeat(np.arange(there), generator.integers(0, 4, there))
        jitter = generator.integers(-4, 5, (len(again), 4)) * generator.integers(0, 2, (len(again), 1))
        found = np.maximum(boxes[again] + jitter, 1)
        invented = np.abs(generator.normal(60, 40, (int(generator.integers(0, 4)), 4))) + 1
        found = np.concatenate([found, invented])
        scores = generator.random(len(found))
        guesses = np.concatenate([kinds[again], generator.integers(0, labels + 1, len(invented))])
        predictions.append(
            {"boxes": found, "scores": scores.round(1) if ties else scores, "labels": guesses.astype(int)}
        )
        references.append({"boxes": boxes, "labels": kinds, "iscrowd": crowd})
    return predictions, references


def coco(
    predictions: list[Any], references: list[Any], labels: int, kind: str = "bbox", size: int = 0
) -> list[float]:
    """Return COCO's twelve numbers, by pycocotools."""
    held: dict[str, list[Any]] = {
        "images": [{"id": number + 1, "height": size, "width": size} for number in range(len(references))],
        "annotations": [],
        "categories": [{"id": number} for number in range(labels + 1)],
    }
    field = "bbox" if kind == "bbox" else "segmentation"
    given_field = "boxes" if kind == "bbox" else "masks"
    for number, each in enumerate(references):
        for place, label in enumerate(each["labels"]):
            shape = each[given_field][place]
            own = float(shape[2] * shape[3]) if kind == "bbox" else float(coco_masks.area(shape))
            held["annotations"].append(
                {
                    "id": len(held["annotations"]) + 1,
                    "image_id": number + 1,
                    "category_id": int(label),
                    field: [float(side) for side in shape] if kind == "bbox" else shape,
                    "area": float(each["area"][place]) if "area" in each else own,
                    "iscrowd": int(each["iscrowd"][place]),
                }
            )
    found = [
        {
            "image_id": number + 1,
            "category_id": int(label),
            field: [float(side) for side in each[given_field][place]]
            if kind == "bbox"
            else each[given_field][place],
            "score": float(each["scores"][place]),
        }
        for number, each in enumerate(predictions)
        for place, label in enumerate(each["labels"])
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = held
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(found), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return [float("nan") if value == -1 else float(value) for value in judge.stats]


def usable(predictions: list[Any], references: list[Any]) -> bool:
    """Whether there is anything to score: pycocotools fails on no detections at all."""
    return any(len(each["labels"]) for each in predictions) and any(
        len(each["labels"]) for each in references
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100_000), st.integers(1, 12), st.integers(1, 4), st.booleans(), st.booleans())
def test_all_twelve_numbers_equal_pycocotools(
    seed: int, images: int, labels: int, ties: bool, areas: bool
) -> None:
    predictions, references = scene(seed, images, labels, ties=ties)
    if not usable(predictions, references):
        return
    if areas:
        for each in references:
            each["area"] = np.random.default_rng(seed).integers(10, 20_000, len(each["labels"]))
    found = compute(
        "mean_average_precision",
        predictions=predictions,
        references=references,
        box_format="xywh",
        resamples=0,
    )
    assert list(found) == KEYS
    ours = [score.value for score in found.values()]
    assert ours == pytest.approx(coco(predictions, references, labels), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_repeated_images(seed: int) -> None:
    predictions, references = scene(seed, 12, 3)
    weights = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12)).astype(float)
    measured = mean_average_precision(predictions, references, box_format="xywh")
    ours = measured.score(np.stack([weights, np.ones(12)]))
    again = np.repeat(np.arange(12), weights.astype(int))
    theirs = coco([predictions[row] for row in again], [references[row] for row in again], 3)
    assert [float(ours[key][0]) for key in KEYS] == pytest.approx(theirs, abs=1e-9, nan_ok=True)
    whole = coco(predictions, references, 3)
    assert [float(ours[key][1]) for key in KEYS] == pytest.approx(whole, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("encoded", ["arrays", "compressed", "counts"])
def test_masks_equal_pycocotools(encoded: str) -> None:
    generator = np.random.default_rng(5)
    predictions, references, given_predictions, given_references = [], [], [], []
    for _ in range(8):
        there, size = 4, 120
        right = np.zeros((there, size, size), dtype=np.uint8)
        found = np.zeros_like(right)
        for number in range(there):
            top, left = generator.integers(0, 60, 2)
            side = int(generator.choice([10, 40, 60]))
            right[number, top : top + side, left : left + side] = 1
            shift = int(generator.integers(0, 6))
            found[number, top + shift : top + side, left : left + side] = 1
        common = {"labels": generator.integers(0, 2, there), "iscrowd": (generator.random(there) < 0.2) * 1}
        scores = generator.random(there)
        for store, masks, more in (
            (predictions, found, {"scores": scores, "labels": common["labels"]}),
            (references, right, common),
        ):
            rles = [coco_masks.encode(np.asfortranarray(mask)) for mask in masks]
            store.append({"masks": rles, **more})
        for given_, store, masks in (
            (given_predictions, predictions, found),
            (given_references, references, right),
        ):
            shown: Any = {"arrays": masks, "compressed": store[-1]["masks"]}.get(encoded)
            if encoded == "counts":
                shown = [{"size": mask.shape, "counts": runs(mask)} for mask in masks]
            given_.append({**store[-1], "masks": shown})
    found_scores = compute(
        "mean_average_precision",
        predictions=given_predictions,
        references=given_references,
        iou_type="segm",
        resamples=0,
    )
    assert list(found_scores) == [f"segm_{key}" for key in KEYS]
    theirs = coco(predictions, references, 2, "segm", 120)
    assert [each.value for each in found_scores.values()] == pytest.approx(theirs, abs=1e-9, nan_ok=True)


def runs(mask: np.ndarray) -> list[int]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, len(flat)]).tolist()
    return [0, *lengths] if flat[0] else lengths


def test_no_detection_at_all_scores_nought() -> None:
    found = compute(
        "mean_average_precision",
        predictions=[{"boxes": [], "labels": [], "scores": []}] * 2,
        references=[{"boxes": [[0, 0, 50, 50]], "labels": [0]}, {"boxes": [], "labels": []}],
    )
    assert found["map"].value == found["mar_100"].value == found["map_medium"].value == 0
    assert np.isnan(found["map_large"].value)


def test_boxes_are_the_same_in_every_format_and_labels_may_be_words() -> None:
    predictions, references = scene(1, 10, 2)
    expected = compute(
        "mean_average_precision",
        predictions=predictions,
        references=references,
        box_format="xywh",
        resamples=50,
    )
    assert expected["map"].low is not None
    assert expected["map"].low <= expected["map"].value
    names = ["cat", "dog", "eel"]

    def rewritten(rows: list[Any], form: str) -> list[Any]:
        made = []
        for each in rows:
            corner, side = each["boxes"][:, :2], each["boxes"][:, 2:]
            first, second = (corner, corner + side) if form == "xyxy" else (corner + side / 2, side)
            boxes = np.concatenate([first, second], axis=1).tolist()
            made.append({**each, "boxes": boxes, "labels": [names[number] for number in each["labels"]]})
        return made

    for form in ("xyxy", "cxcywh"):
        found = compute(
            "mean_average_precision",
            predictions=rewritten(predictions, form),
            references=rewritten(references, form),
            box_format=form,
            resamples=0,
        )
        assert found["map"].value == pytest.approx(expected["map"].value, abs=1e-9)
    detail = mean_average_precision(predictions, references, box_format="xywh").details["per_class"]
    assert [row["label"] for row in detail][:2] == ["0", "1"]


BOX = {"boxes": [[0, 0, 4, 4]], "labels": [0], "scores": [0.5]}


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"boxes": [[0, 0, 4, 4]], "labels": [0]}, BOX, "Prediction 0 lacks 'scores'"),
        ({**BOX, "labels": [0, 1]}, BOX, "1 boxes and 2 labels"),
        ({**BOX, "scores": [np.nan]}, BOX, "NaN"),
        ({**BOX, "boxes": [[0, 0, 4]]}, BOX, "boxes are"),
        ({**BOX, "boxes": [[5, 5, 4, 4]]}, BOX, "negative width or height; see box_format"),
        (BOX, {"boxes": [], "labels": []}, "No reference holds an object"),
        (BOX, [1], "Reference 0 lacks 'boxes'"),
    ],
)
def test_objects_that_cannot_be_read_are_said(one: Any, other: Any, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute("mean_average_precision", predictions=[one], references=[other])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.full((2, 2), 3), "of 0 and 1"),
        ({"size": [2, 2], "counts": [1, 2]}, "add up to 3 pixels"),
        ({"size": [2, 2]}, "needs size and counts"),
        (np.ones((3, 3)), "differ in size"),
    ],
)
def test_masks_that_cannot_be_read_are_said(mask: Any, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute(
            "mean_average_precision",
            predictions=[{"masks": [mask], "labels": [0], "scores": [0.5]}],
            references=[{"masks": [np.ones((2, 2))], "labels": [0]}],
            iou_type="segm",
        )
