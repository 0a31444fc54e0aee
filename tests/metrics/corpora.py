"""Texts that metrics must get right: repeated and few words, several scripts, nothing at all."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = [
    "the", "cat", "sat", "The", "cats", "running", "runs", "3.5", "1,000", "don't", "e-mail", ".", ",", "!",
    "(hi)", "&amp;", "&quot;x&quot;", "Katze", "Füße", "кот", "сидел", "猫", "坐在",
    "猫が", "고양이", "قطة", "😀", "<skipped>", "a-\nb",
    "U.S.", "$5", "x\u00a0y", "\u2028",
]  # fmt: skip
WORDY = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
FEW = st.lists(st.sampled_from(["a", "b"]), max_size=10).map(" ".join)
ANY = st.text(max_size=25)
TEXT = st.one_of(WORDY, WORDY, FEW, ANY, st.just(""), st.just(" "))


def rows_of(most: int = 1, least: int = 1) -> st.SearchStrategy[list[tuple[str, list[str]]]]:
    """Rows of a prediction and `least` to `most` references, one corpus in a few exactly right."""

    @st.composite
    def row(draw: st.DrawFn) -> tuple[str, list[str]]:
        references = draw(st.lists(TEXT, min_size=least, max_size=most))
        prediction = draw(st.one_of(TEXT, st.sampled_from(references)))
        return prediction, references

    return st.lists(row(), min_size=1, max_size=8)


def apart(rows: list[tuple[str, list[str]]]) -> tuple[list[str], list[list[str]]]:
    """Return predictions and references of rows."""
    return [row[0] for row in rows], [row[1] for row in rows]
