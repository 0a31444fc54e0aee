"""What holds for every metric of texts: shapes taken, order of rows, intervals without a warning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import METRICS, compute
from tests.metrics.corpora import TEXT

ARGUMENTS: dict[str, dict[str, Any]] = {"meteor": {"synonyms": False, "sentences": False}}
NAMES = sorted(name for name, metric in METRICS.items() if metric.takes == "texts" and not metric.check)
SAID = TEXT.map(lambda text: text if text.strip() else "cat")
PAIRS = st.lists(st.tuples(TEXT, SAID), min_size=2, max_size=6)
ONE_REFERENCE = {"wer", "cer", "mer", "wil", "wip", "wer_mean", "cer_mean", "word_errors", "character_errors"}


def values(name: str, predictions: Any, references: Any, resamples: int = 0) -> dict[str, float]:
    found = compute(
        name,
        predictions=predictions,
        references=references,
        resamples=resamples,
        **ARGUMENTS.get(name, {}),
    )
    for score in found.values():
        assert score.n == len(predictions)
        if score.low is not None and score.high is not None:
            assert score.low <= score.high
    return {key: score.value for key, score in found.items()}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(pairs=PAIRS)
def test_order_does_not_matter_and_intervals_do_not_warn(name: str, pairs: list[tuple[str, str]]) -> None:
    # Every tokenizer finds something in this row, so that no corpus is empty.
    pairs = [*pairs, ("a cat sat here", "a cat sat there")]
    predictions, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    forward = values(name, predictions, references, resamples=20)
    assert values(name, predictions[::-1], references[::-1]) == pytest.approx(forward, abs=1e-9, nan_ok=True)
    if name not in ONE_REFERENCE:
        listed = [[reference] for reference in references]
        twice = [[reference, reference] for reference in references]
        assert values(name, predictions, listed) == pytest.approx(forward, abs=1e-9, nan_ok=True)
        if name != "nist_mt":  # Its information comes from all references.
            assert values(name, predictions, twice) == pytest.approx(forward, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "nist_mt"])
@settings(max_examples=40)
@given(pairs=PAIRS, data=st.data())
def test_a_slice_scores_as_if_it_were_all_there_is(
    name: str, pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    pairs = [("a cat sat here", "a cat sat there"), *pairs]
    others = len(pairs) - 1
    keep = np.array([True, *data.draw(st.lists(st.booleans(), min_size=others, max_size=others))])
    measured = METRICS[name].measure(
        [pair[0] for pair in pairs], [pair[1] for pair in pairs], **ARGUMENTS.get(name, {})
    )
    sliced = {
        key: float(value) for key, value in measured.score(measured.statistics.select(keep).total()).items()
    }
    some = [pair for pair, kept in zip(pairs, keep, strict=True) if kept]
    assert sliced == pytest.approx(values(name, *map(list, zip(*some, strict=True))), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_right_text_scores_best(name: str) -> None:
    texts = ["the cat sat on the mat today", "it rained all day in the city"]
    found = compute(name, predictions=texts, references=texts, resamples=10, **ARGUMENTS.get(name, {}))
    for key, score in found.items():
        assert math.isfinite(score.value), key
        if not score.higher_is_better:
            assert score.value == 0, key
        elif key not in {"nist_mt", "meteor_exact_stem"}:
            assert score.value == pytest.approx(100 if key in {"sacrebleu", "chrf"} else 1), key


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_text_is_refused(name: str) -> None:
    for predictions, references in (
        (["a", "b"], ["a"]),
        ([], []),
        ([None], ["a"]),
        (["a"], [None]),
        ([3], ["a"]),
    ):
        with pytest.raises(BadEvaluation):
            values(name, predictions, references)
