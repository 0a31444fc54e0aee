"""Every picture with awkward content: one class and thirty, one model and ten, undefined scores, odd names.

Warnings are errors here, so that a sign that no font has, or a layout that does not fit, fails.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.metrics.contract import Score
from tasks.pictures.by_length import by_length, length_bins
from tasks.pictures.canvas import DOTS_PER_INCH, legible, png
from tasks.pictures.class_bars import Bars, class_bars
from tasks.pictures.confusion_matrix import confusion_matrix
from tasks.pictures.contact_sheet import grid
from tasks.pictures.curves import drawn_curves, precision_recall, roc
from tasks.pictures.distribution import distribution
from tasks.pictures.forest import forest
from tasks.pictures.pairwise import pairwise
from tasks.pictures.predicted_by_right import predicted_by_right
from tasks.pictures.quality_by_speed import front, quality_by_speed
from tasks.pictures.reliability import reliability
from tasks.pictures.side_by_side import side_by_side

NAN = float("nan")
ODD = [f"a label of many words, number {n}, costs $5 or $6 _^{{x}} 猫\nñ" for n in range(60)]
COUNTS = (0, 1, 3, 10, 60)


def drawn(figure: Any) -> np.ndarray:
    """Return a figure's pixels, shape (height, width, 4), as they are saved."""
    return np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGBA"))


def seen(pixels: np.ndarray) -> None:
    """See that a picture is no larger than a screen, opaque, light at its edge, and not empty."""
    height, width, _ = pixels.shape
    assert width < 16 * DOTS_PER_INCH
    assert height < 16 * DOTS_PER_INCH
    assert (pixels[..., 3] == 255).all()
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edge[..., :3] >= 200).mean() > 0.99
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 2


def scores(count: int, *, higher: bool = True) -> list[Score]:
    generator = np.random.default_rng(count)
    found = [Score(value, value - 0.02, value + 0.02, 500, higher) for value in generator.random(count)]
    if count > 3:
        found[1] = Score(NAN, None, None, 500, higher)
        found[2] = Score(0.5, None, None, 500, higher)
    return found


def matrix(count: int) -> np.ndarray:
    generator = np.random.default_rng(count)
    return generator.integers(0, 4, (count, count)) + np.diag(generator.integers(0, 2000, count))


def bars(count: int) -> Any:
    values = np.linspace(0, 1, max(count, 1))[:count]
    values[:1] = NAN
    some = Bars(values, [None if n % 2 else 0.1 for n in range(count)], [0.9] * count)
    return class_bars(ODD[:count], {"recall": some, "precision": Bars(values)}, [7] * count, ODD[0])


def curves(count: int, kind: Callable[..., Any], name: str) -> Any:
    generator = np.random.default_rng(count)
    right = generator.integers(0, max(count, 1), 200)
    found = {ODD[n]: kind(generator.random(200), right == n) for n in range(count)}
    return drawn_curves(found, ODD[0], name)


def compared(count: int) -> Any:
    values = np.array([score.value for score in scores(count)])
    differences = values[:, None] - values[None, :] if count else np.empty((0, 0))
    p_values = np.where(np.abs(differences) > 0.3, 0.001, 0.4)
    return pairwise(ODD[:count], differences, p_values, "f1_$macro$", ODD[0])


def lengths(count: int) -> Any:
    return by_length([(n, n + 0.5) for n in range(count)], scores(count), "wer", "seconds", ODD[0])


SIZED: dict[str, Callable[[int], Any]] = {
    "confusion matrix": lambda count: confusion_matrix(ODD[:count], matrix(count), ODD[0]),
    "class bars": bars,
    "ROC": lambda count: curves(count, roc, "ROC"),
    "precision-recall": lambda count: curves(count, precision_recall, "precision-recall"),
    "forest": lambda count: forest(ODD[:count], ["★"] * count, scores(count), "f1_$macro$", ODD[0]),
    "pairwise": compared,
    "speed": lambda count: quality_by_speed(
        ODD[:count],
        scores(count, higher=False),
        [None, *np.exp(np.arange(count - 1.0))][:count],
        "wer",
        ODD[0],
    ),
    "side by side": lambda count: side_by_side(
        ODD[:count], {key: [None, *scores(count)][:count] for key in ODD[: min(count, 12)]}, ODD[0]
    ),
    "length": lengths,
    "distribution": lambda count: distribution({"rows": np.full(count, 0.3)}, "wer", ODD[0]),
    "reliability": lambda count: reliability(np.linspace(0, 1, count), np.arange(count) % 2 == 0, ODD[0]),
    "numbers": lambda count: predicted_by_right(np.arange(float(count)), np.full(count, 2.0), ODD[0]),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", SIZED)
def test_a_picture_of_few_and_of_many_can_be_seen(name: str, count: int) -> None:
    seen(drawn(SIZED[name](count)))


def test_values_that_are_no_numbers_leave_a_picture_that_says_so() -> None:
    nothing = np.array([NAN, np.inf])
    for figure in (
        distribution({"rows": nothing}, "wer", "m"),
        reliability(nothing[:1], np.array([True]), "m"),
        predicted_by_right(nothing, nothing, "m"),
        forest(["m"], ["★"], [Score(NAN, None, None, 3)], "f1", "d"),
        quality_by_speed(["m"], [Score(NAN, None, None, 3)], [1.0], "f1", "d"),
    ):
        seen(drawn(figure))


def test_many_points_are_shaded_not_drawn_one_by_one() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    assert len(png(predicted_by_right(values, values, "m"))) < 100_000


def test_a_formula_is_no_formula_in_a_name() -> None:
    assert legible(r"$\frac{1}{0$").count(r"\$") == 2
    seen(drawn(forest([r"$\frac{1}{0$"], [""], scores(1), r"$\sqrt$", r"$$")))


def test_rows_of_one_length_share_a_bin() -> None:
    lengths = np.array([5.0] * 90 + [6.0] * 10)
    bins = length_bins(lengths)
    assert sorted(np.concatenate(bins).tolist()) == list(range(100))
    assert [set(lengths[rows]) for rows in bins] == [{5.0}, {6.0}]


def test_the_front_is_what_nothing_beats_in_both() -> None:
    generator = np.random.default_rng(1)
    values, speeds = generator.random(40).tolist(), generator.random(40).tolist()
    beaten = {
        one
        for one in range(40)
        for other in range(40)
        if values[other] < values[one] and speeds[other] > speeds[one]
    }
    assert set(front(values, speeds, higher_is_better=False)) == set(range(40)) - beaten


def test_no_pictures_make_an_empty_sheet() -> None:
    assert grid([]).size == (192, 192)
