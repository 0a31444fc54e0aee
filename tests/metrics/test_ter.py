"""TER against sacrebleu."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics.ter import ter
from tests.metrics.corpora import apart, rows_of


@given(rows_of(most=2), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_ter_equals_sacrebleus(
    rows: list[tuple[str, list[str]]], normalized: bool, bare: bool, asian: bool, cased: bool
) -> None:
    predictions, references = apart(rows)
    most = max(map(len, references))
    streams = [[row[slot] if slot < len(row) else None for row in references] for slot in range(most)]
    metric = sacrebleu.TER(normalized, bare, asian, cased)
    wanted = metric.corpus_score(predictions, streams).score  # type: ignore[arg-type]
    measured = ter(predictions, references, normalized, bare, asian, cased)
    assert float(measured.score(measured.statistics.total())["ter"]) == pytest.approx(wanted, abs=1e-9)
    assert measured.tags["ter_signature"] == str(metric.get_signature())


def test_moving_a_phrase_is_one_edit() -> None:
    measured = ter(["c d a b"], ["a b c d"])
    assert measured.statistics.total().tolist() == [1, 4]
    assert measured.higher_is_better == {"ter": False}
