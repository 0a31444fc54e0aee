"""Segmentation maps against scikit-learn, pixel by pixel, and HF evaluate's own example."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, recall_score

from tasks.errors import BadEvaluation
from tasks.metrics import compute

MAPS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000)), min_size=1, max_size=6
)


@settings(deadline=None)
@given(MAPS, st.integers(1, 6), st.sampled_from([None, 255, 0]))
def test_scores_equal_scikit_learns_over_all_pixels(
    shapes: list[tuple[int, int, int]], classes: int, ignore: int | None
) -> None:
    predictions, references = [], []
    for height, width, seed in shapes:
        generator = np.random.default_rng(seed)
        predictions.append(generator.integers(0, classes, (height, width)))
        right = generator.integers(0, classes, (height, width))
        references.append(np.where(generator.random((height, width)) < 0.2, ignore or 0, right))
    predicted = np.concatenate([each.ravel() for each in predictions])
    right = np.concatenate([each.ravel() for each in references])
    counted = np.ones(len(right), dtype=bool) if ignore is None else right != ignore
    given_ = {"predictions": predictions, "references": references, "ignore_index": ignore}
    if not counted.any():
        with pytest.raises(BadEvaluation, match="nothing is left"):
            compute("mean_iou", **given_)
        return
    right = right[counted]
    predicted = predicted[counted]
    occurring = sorted({*right.tolist(), *predicted.tolist()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "mean_iou": jaccard_score(right, predicted, labels=occurring, average="macro"),
            "mean_accuracy": recall_score(
                right, predicted, labels=sorted(set(right.tolist())), average="macro"
            ),
            "overall_accuracy": accuracy_score(right, predicted),
            "pixel_accuracy": accuracy_score(right, predicted),
            "dice_macro": f1_score(right, predicted, labels=occurring, average="macro"),
            "dice_micro": f1_score(right, predicted, labels=occurring, average="micro"),
        }
    given_["resamples"] = 0
    found = compute("mean_iou", **given_) | compute("pixel_accuracy", **given_)
    found |= compute("dice", **given_) | compute("dice", **given_, average="micro")
    assert {key: score.value for key, score in found.items()} == pytest.approx(expected, abs=1e-9)


def palette_file(numbers: list[list[int]]) -> dict[str, bytes]:
    picture = Image.fromarray(np.array(numbers, dtype=np.uint8)).convert("P")
    picture.putdata([number for line in numbers for number in line])
    stored = io.BytesIO()
    picture.save(stored, format="PNG")
    return {"bytes": stored.getvalue()}


def test_the_example_of_hf_evaluate() -> None:
    """The maps and values of the documentation of evaluate's mean_iou."""
    predictions = [[[1, 2], [3, 4], [5, 255]], [[2, 7], [9, 2], [3, 6]], [[2, 2, 3], [8, 2, 4], [3, 255, 2]]]
    references = [[[0, 3], [5, 4], [6, 255]], [[1, 7], [9, 2], [3, 6]], [[1, 2, 2], [8, 2, 1], [3, 255, 1]]]
    for made in (np.array, lambda each: Image.fromarray(np.array(each, dtype=np.uint8)), palette_file):
        found = compute(
            "mean_iou",
            predictions=[made(each) for each in predictions],
            references=[made(each) for each in references],
            num_labels=10,
            ignore_index=255,
            reduce_labels=False,
        )
        assert found["mean_iou"].value == pytest.approx(0.4775, abs=1e-12)
        assert found["mean_accuracy"].value == pytest.approx(0.5916666666666666, abs=1e-12)
        assert found["overall_accuracy"].value == pytest.approx(0.5263157894736842, abs=1e-12)
        assert found["mean_iou"].low is not None


def test_labels_are_reduced_and_mapped_in_the_right_maps_alone() -> None:
    reduced = compute("mean_iou", predictions=[[[0, 1, 1]]], references=[[[1, 2, 0]]], reduce_labels=True)
    assert reduced["mean_iou"].value == 1
    mapped = compute("mean_iou", predictions=[[[0, 1]]], references=[[[1, 0]]], label_map={0: 1, 1: 0})
    assert mapped["mean_iou"].value == 1
    filled = compute("mean_iou", predictions=[[[0]]], references=[[[0]]], num_labels=2, nan_to_num=0)
    assert filled["mean_iou"].value == 0.5


@pytest.mark.parametrize(
    ("one", "other", "more", "words"),
    [
        ([[0, 1]], [[0]], {}, "differ in size"),
        ([[0.5]], [[0]], {}, "whole class numbers"),
        ([0], [[0]], {}, "whole class numbers"),
        ([[0]], [[5]], {"num_labels": 3}, "class number 5, and there are 3 classes"),
        ([[7]], [[0]], {"num_labels": 3}, "The predicted map of row 0 holds the class number 7"),
        ([[0]], [[-1]], {}, "class number -1"),
        ([[0]], [[255]], {}, "nothing is left"),
        ([[0]], [[0]], {"num_labels": 0}, "too few"),
        ([[0]], [[0]], {"reduce_labels": True, "ignore_index": None}, "give ignore_index"),
    ],
)
def test_maps_that_do_not_fit_are_said(one: Any, other: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute("mean_iou", predictions=[one], references=[other], **more)
