"""chrF against sacrebleu."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.chrf import chrf
from tests.metrics.corpora import apart, rows_of


@given(
    rows_of(most=3),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from([1, 2, 3]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_chrf_equals_sacrebleus(
    rows: list[tuple[str, list[str]]],
    characters: int,
    words: int,
    beta: int,
    lowercase: bool,
    whitespace: bool,
    smoothed: bool,
) -> None:
    if not characters + words:
        return
    predictions, references = apart(rows)
    most = max(map(len, references))
    streams = [[row[slot] if slot < len(row) else None for row in references] for slot in range(most)]
    metric = sacrebleu.CHRF(characters, words, beta, lowercase, whitespace, smoothed)
    wanted = metric.corpus_score(predictions, streams).score  # type: ignore[arg-type]
    key = "chrf" + "+" * words
    measured = chrf(predictions, references, characters, words, beta, lowercase, whitespace, smoothed)
    assert measured.tags[f"{key}_signature"] == str(metric.get_signature())
    assert float(measured.score(measured.statistics.total())[key]) == pytest.approx(wanted, abs=1e-9)


def test_a_note_on_nothing_to_count() -> None:
    with pytest.raises(BadEvaluation, match="n-grams of characters or words"):
        compute("chrf", predictions=["a"], references=["a"], char_order=0)
    assert compute("chrf", predictions=["猫"], references=["猫"])["chrf"].value == pytest.approx(100)
