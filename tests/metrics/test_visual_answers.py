"""VQA accuracy and ANLS on cases worked out by hand."""

from __future__ import annotations

import pytest

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.visual_answers import normalized


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("A dog.", "dog"),
        ("Two", "2"),
        ("none", "0"),
        ("1,000", "1000"),
        ("2.5", "2.5"),
        ("black/white", "black white"),
        ("t-shirt, blue", "t shirt blue"),
        ("Dont\nknow", "don't know"),
        ("", ""),
    ],
)
def test_answers_are_compared_in_one_form(answer: str, plain: str) -> None:
    assert normalized(answer) == plain


@pytest.mark.parametrize(
    ("given", "people", "wanted"),
    [
        # Of ten people k agree: k of the ten leave k - 1 agreeing others, the rest k.
        ("net", ["net"] * 1 + ["x"] * 9, 0.3),
        ("net", ["net"] * 2 + ["x"] * 8, 0.6),
        ("net", ["net"] * 3 + ["x"] * 7, 0.9),
        ("net", ["net"] * 4 + ["x"] * 6, 1.0),
        ("a net", ["Net!"] * 10, 1.0),
        ("bat", ["net"] * 10, 0.0),
        ("net", ["the net"], 1.0),
        ("net", ["bat"], 0.0),
        ("net", ["net", "net"], 1.0),
    ],
)
def test_vqa_accuracy(given: str, people: list[str], wanted: float) -> None:
    score = compute("vqa_accuracy", predictions=[given], references=[people])["vqa_accuracy"]
    assert score.value == pytest.approx(wanted, abs=1e-12)


def test_anls_is_the_nearest_answer_but_none_beyond_half() -> None:
    predictions = ["10.5 ", "CAT", "abcd", "abcd", "x"]
    references = [["1o.5"], ["dog", "cat"], ["abxy"], ["abcx", "abxx"], [""]]
    score = compute("anls", predictions=predictions, references=references)["anls"]
    assert score.value == pytest.approx((0.75 + 1 + 0 + 0.75 + 0) / 5, abs=1e-12)
    lenient = compute("anls", predictions=predictions, references=references, threshold=0.6)["anls"]
    assert lenient.value == pytest.approx((0.75 + 1 + 0.5 + 0.75 + 0) / 5, abs=1e-12)
    assert (score.n, score.higher_is_better) == (5, True)


@pytest.mark.parametrize("metric", ["vqa_accuracy", "anls"])
def test_a_row_without_a_list_of_answers_is_named(metric: str) -> None:
    with pytest.raises(BadEvaluation, match="Row 1 needs a list"):
        compute(metric, predictions=["a", "b"], references=[["a"], []])
    with pytest.raises(BadEvaluation, match="Row 0 needs a list"):
        compute(metric, predictions=["a"], references=["a"])
