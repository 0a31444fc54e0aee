"""Entity scores against seqeval."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.sequences import entities, seqeval

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import seqeval.metrics as reference
    from seqeval.metrics.sequence_labeling import get_entities

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-PER", "E-PER", "NOUN", "I-"]
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=0, max_size=12),
    min_size=1,
    max_size=8,
)


@given(st.lists(st.lists(st.sampled_from(TAGS), max_size=12), min_size=1, max_size=6))
def test_entities_are_those_seqeval_finds(rows: list[list[str]]) -> None:
    kinds: dict[str, int] = {}
    found = entities(rows, kinds)
    names = {number: name for name, number in kinds.items()}
    ours = {
        (names[kind], start, stop - 1)
        for kind, start, stop in zip(
            found.kind.tolist(), found.start.tolist(), found.stop.tolist(), strict=True
        )
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = set(get_entities(rows))
    assert ours == wanted


@given(ROWS)
def test_scores_equal_seqevals(rows: list[list[tuple[str, str]]]) -> None:
    predictions = [[pair[0] for pair in row] for row in rows]
    references = [[pair[1] for pair in row] for row in rows]
    if not any(references):
        return
    ours = compute("seqeval", predictions=predictions, references=references, resamples=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = {
            "seqeval_f1": reference.f1_score(references, predictions, zero_division=0),
            "seqeval_precision": reference.precision_score(references, predictions, zero_division=0),
            "seqeval_recall": reference.recall_score(references, predictions, zero_division=0),
            "seqeval_accuracy": reference.accuracy_score(references, predictions),
        }
    for key, value in wanted.items():
        assert ours[key].value == pytest.approx(float(value), abs=1e-9), key


def test_details_tell_each_type() -> None:
    rows = seqeval([["B-PER", "O"]], [["B-PER", "B-LOC"]]).details["per_type"]
    assert [(row["label"], row["f1"], row["support"]) for row in rows] == [("LOC", 0.0, 1), ("PER", 1.0, 1)]


def test_rows_of_unequal_length_are_named() -> None:
    with pytest.raises(BadEvaluation, match="Row 0 has 1 predicted tags and 2"):
        compute("seqeval", predictions=[["O"]], references=[["O", "O"]])
