"""SARI against its definition and HF's documented value."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute

TEXT = st.lists(st.sampled_from(["a", "b", "c", "d", "Ünder", "猫"]), max_size=7).map(" ".join)
ROWS = st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=6)


def counts(text: str, order: int) -> Counter[str]:
    tokens = text.lower().split(" ")
    return Counter(" ".join(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def harmonic(one: float, other: float) -> float:
    return 0.0 if one + other == 0 else 2 * one * other / (one + other)


def by_hand(source: str, text: str, references: list[str]) -> float:
    """The definition, n-gram by n-gram, as HF's module (with its two corrections) sums it."""
    parts = []
    for order in range(1, 5):
        s, c, many = counts(source, order), counts(text, order), len(references)
        r = Counter[str]()
        for reference in references:
            r += counts(reference, order)
        kept = {gram: min(s[gram], c[gram]) * many for gram in s if c[gram]}
        keepable = {gram: min(s[gram] * many, r[gram]) for gram in s if r[gram]}
        good = {gram: min(count, r[gram]) for gram, count in kept.items()}
        keep = harmonic(
            sum(good[gram] / kept[gram] for gram in kept) / len(kept) if kept else 1,
            sum(good.values()) / sum(keepable.values()) if keepable else 1,
        )
        deleted = {gram: (s[gram] - c[gram]) * many for gram in s if s[gram] > c[gram]}
        right = {gram: max(count - r[gram], 0) for gram, count in deleted.items()}
        delete = sum(right[gram] / deleted[gram] for gram in deleted) / len(deleted) if deleted else 1
        added, addable = {gram for gram in c if gram not in s}, {gram for gram in r if gram not in s}
        add = harmonic(
            len(added & addable) / len(added) if added else 1,
            len(added & addable) / len(addable) if addable else 1,
        )
        parts.append((keep + delete + add) / 3)
    return 100 * sum(parts) / 4


@given(ROWS)
def test_sari_equals_its_definition(rows: list[tuple[str, str, list[str]]]) -> None:
    found = compute(
        "sari",
        sources=[row[0] for row in rows],
        predictions=[row[1] for row in rows],
        references=[row[2] for row in rows],
        resamples=0,
    )
    wanted = sum(by_hand(*row) for row in rows) / len(rows)
    assert found["sari"].value == pytest.approx(wanted, abs=1e-9)


def test_documented_value() -> None:
    found = compute(
        "sari",
        sources=["About 95 species are currently accepted."],
        predictions=["About 95 you now get in."],
        references=[
            [
                "About 95 species are currently known.",
                "About 95 species are now accepted.",
                "95 species are now accepted.",
            ]
        ],
    )
    assert found["sari"].value == pytest.approx(26.953601953601954, abs=1e-9)


def test_sources_must_be_there() -> None:
    for sources, message in (
        (None, "give sources"),
        (["a", "b"], "2 sources and 1 rows"),
        ([3], "source of row 0 is not text but int"),
    ):
        with pytest.raises(BadEvaluation, match=message):
            compute("sari", predictions=["a"], references=["a"], sources=sources)
