"""NIST against nltk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.nist_score import corpus_nist

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.nist import tokens

WORDS = st.lists(st.sampled_from(["a", "b", "c", "кот", "猫", "Dog,", "3.5"]), min_size=1, max_size=9)
ROWS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=8)


@given(ROWS, st.integers(1, 5))
def test_nist_equals_nltks(rows: list[tuple[list[str], list[list[str]]]], most: int) -> None:
    # nltk divides by zero where no prediction has n tokens.
    rows = [*rows, (["a"] * 5, [["a", "b", "a"]])]
    wanted = corpus_nist([row[1] for row in rows], [row[0] for row in rows], n=most)
    found = compute(
        "nist_mt",
        predictions=[" ".join(row[0]) for row in rows],
        references=[[" ".join(text) for text in row[1]] for row in rows],
        n=most,
        western_lang=False,
        resamples=0,
    )
    assert found["nist_mt"].value == pytest.approx(wanted, abs=1e-9)


def test_edges() -> None:
    assert compute("nist_mt", predictions=[""], references=["a b"])["nist_mt"].value == 0
    assert compute("nist_mt", predictions=["a"], references=["a"])["nist_mt"].value == 0
    with pytest.raises(BadEvaluation, match="Every reference is empty"):
        compute("nist_mt", predictions=["a"], references=[""])
    with pytest.raises(BadEvaluation, match="1 token or more"):
        compute("nist_mt", predictions=["a"], references=["a"], n=0)
    assert tokens("Don't <skipped>STOP.", lowercase=True, western=True) == ["don't", "stop", "."]
