"""ROUGE against rouge_score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer, _backtrack_norec, _lcs_table

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.rouge import rouge
from tasks.metrics.subsequences import places, subsequence
from tests.metrics.corpora import apart, rows_of

TYPES = ["rouge1", "rouge2", "rouge5", "rougeL", "rougeLsum"]
LINE = st.lists(st.sampled_from(["a", "b", "c", "running", "runs", "42", "été", "猫"]), max_size=9).map(
    " ".join
)
LINES = st.lists(LINE, max_size=4).map("\n".join)
MULTI = st.lists(st.tuples(LINES, st.lists(LINES, min_size=1, max_size=3)), min_size=1, max_size=5)


@given(
    st.lists(st.integers(0, 4), max_size=90),
    st.lists(st.integers(0, 4), max_size=90),
)
def test_the_subsequence_is_the_one_rouge_score_walks(one: list[int], other: list[int]) -> None:
    wanted = _backtrack_norec(_lcs_table(one, other), one, other)
    assert subsequence(one, places(other), len(other))[::-1] == wanted


@given(st.one_of(rows_of(most=3), MULTI), st.booleans())
def test_rouge_equals_rouge_scores(rows: list[tuple[str, list[str]]], stemmer: bool) -> None:
    predictions, references = apart(rows)
    scorer = RougeScorer(TYPES, use_stemmer=stemmer)
    theirs = [scorer.score_multi(several, one) for one, several in zip(predictions, references, strict=True)]
    ours = compute(
        "rouge",
        predictions=predictions,
        references=references,
        rouge_types=TYPES,
        use_stemmer=stemmer,
        resamples=0,
    )
    for name in TYPES:
        wanted = sum(row[name].fmeasure for row in theirs) / len(theirs)
        assert ours[name].value == pytest.approx(wanted, abs=1e-9), name
    for row in rouge(predictions, references, TYPES, stemmer).details["rouge"]:
        wanted = sum(each[str(row["type"])].recall for each in theirs) / len(theirs)
        assert row["recall"] == pytest.approx(wanted, abs=1e-9), row


@given(MULTI)
def test_a_tokenizer_of_ones_own(rows: list[tuple[str, list[str]]]) -> None:
    class Characters:
        def tokenize(self, text: str) -> list[str]:
            return list(text)

    predictions, references = apart(rows)
    scorer = RougeScorer(TYPES, tokenizer=Characters())
    theirs = [scorer.score_multi(several, one) for one, several in zip(predictions, references, strict=True)]
    ours = compute(
        "rouge",
        predictions=predictions,
        references=references,
        rouge_types=TYPES,
        tokenizer=list,
        resamples=0,
    )
    for name in TYPES:
        wanted = sum(row[name].fmeasure for row in theirs) / len(theirs)
        assert ours[name].value == pytest.approx(wanted, abs=1e-9), name


def test_a_script_the_tokenizer_drops_is_noted() -> None:
    found = rouge(["猫が", "the cat"], ["猫が", "the cat"])
    assert found.tags["rouge_note"].startswith("1 of 2 references have letters and none of a-z")
    assert "rouge_note" not in rouge(["!"], ["!"]).tags
    assert "rouge_note" not in rouge(["猫"], ["猫"], tokenizer=list).tags
    assert compute("rouge", predictions=["猫"], references=["猫"], tokenizer=list)["rougeLsum"].value == 1


def test_what_cannot_be_scored_is_said() -> None:
    with pytest.raises(UnknownName, match=r"ROUGE type 'rouge-L'.*Did you mean 'rougeL'"):
        compute("rouge", predictions=["a"], references=["a"], rouge_types=["rouge-L"])
    with pytest.raises(BadEvaluation, match="no ROUGE type"):
        compute("rouge", predictions=["a"], references=["a"], rouge_types=[])
