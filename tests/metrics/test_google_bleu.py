"""Google BLEU against nltk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.gleu_score import corpus_gleu

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tests.metrics.corpora import apart, rows_of


@given(rows_of(most=3), st.integers(1, 3), st.integers(0, 3))
def test_google_bleu_equals_nltks(rows: list[tuple[str, list[str]]], least: int, more: int) -> None:
    predictions, references = apart(rows)
    wanted = corpus_gleu(
        [[text.split() for text in row] for row in references],
        [text.split() for text in predictions],
        min_len=least,
        max_len=least + more,
    )
    found = compute(
        "google_bleu",
        predictions=predictions,
        references=references,
        tokenizer=str.split,
        min_len=least,
        max_len=least + more,
        resamples=0,
    )
    assert found["google_bleu"].value == pytest.approx(wanted, abs=1e-9)


def test_a_documented_value() -> None:
    predictions = [
        "It is a guide to action which ensures that the rubber duck always disobeys the commands of the cat",
        "he read the book because he was interested in world history",
    ]
    references = [
        "It is the guiding principle which guarantees the rubber duck forces never being under the command "
        "of the cat",
        "he was interested in world history because he read the book",
    ]
    found = compute("google_bleu", predictions=predictions, references=references)["google_bleu"]
    assert round(found.value, 2) == 0.44
    with pytest.raises(BadEvaluation, match="not from 3 to 2"):
        compute("google_bleu", predictions=["a"], references=["a"], min_len=3, max_len=2)
