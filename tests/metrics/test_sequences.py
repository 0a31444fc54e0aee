"""Entity scores against seqeval."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.sequences import seqeval

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import seqeval.metrics as reference
    from seqeval import scheme

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-PER", "E-PER", "NOUN", "I-", "X", "B", "B-A-C"]
Rows = list[list[tuple[str, str]]]
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=0, max_size=12),
    min_size=1,
    max_size=8,
)


def quietly(work: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


def compared(rows: Rows, key: str, **arguments: Any) -> None:
    """Compare scores, and those of each type, with seqeval's report."""
    predictions = [[pair[0] for pair in row] for row in rows]
    references = [[pair[1] for pair in row] for row in rows]
    if not any(references):
        return
    measured = seqeval(predictions, references, **arguments)
    ours = {name: float(value) for name, value in measured.score(measured.statistics.total()).items()}
    if "scheme" in arguments:
        arguments["scheme"] = getattr(scheme, arguments["scheme"])
    wanted = {
        f"{key}_{name}": quietly(partial(judge, references, predictions, **arguments))
        for name, judge in (
            ("f1", reference.f1_score),
            ("precision", reference.precision_score),
            ("recall", reference.recall_score),
        )
    }
    wanted["seqeval_accuracy"] = reference.accuracy_score(references, predictions)
    assert ours == pytest.approx({name: float(value) for name, value in wanted.items()}, abs=1e-9)
    if not measured.details["per_type"]:
        return
    report = quietly(
        partial(reference.classification_report, references, predictions, output_dict=True, **arguments)
    )
    for row in measured.details["per_type"]:
        theirs = report.pop(row["label"])
        for name in ("precision", "recall", "support"):
            assert row[name] == pytest.approx(float(theirs[name]), abs=1e-9)
    assert set(report) == {"micro avg", "macro avg", "weighted avg"}


@given(ROWS, st.booleans(), st.sampled_from([0, 1]))
def test_scores_equal_seqevals(rows: Rows, suffix: bool, nothing: int) -> None:
    if suffix:
        rows = [[(turned(one), turned(other)) for one, other in row] for row in rows]
    compared(rows, "seqeval", suffix=suffix, zero_division=nothing)


def turned(tag: str) -> str:
    mark, dash, kind = tag.partition("-")
    return f"{kind}{dash}{mark}"


@pytest.mark.parametrize("name", ["IOB1", "IOB2", "IOE1", "IOE2", "IOBES", "BILOU"])
@given(data=st.data(), suffix=st.booleans(), nothing=st.sampled_from([0, 1]))
def test_strict_scores_equal_seqevals(name: str, data: st.DataObject, suffix: bool, nothing: int) -> None:
    marks = {"IOB": "IB", "IOE": "IE"}.get(name[:3], name.replace("O", "")) if name != "IOBES" else "IBES"
    tags = ["O"] + [f"{mark}-{kind}" for mark in marks for kind in ("PER", "LOC")] + [marks[0]]
    if suffix:
        tags = [turned(tag) for tag in tags]
    token = st.tuples(st.sampled_from(tags), st.sampled_from(tags))
    rows = data.draw(st.lists(st.lists(token, max_size=12), min_size=1, max_size=6))
    compared(rows, "seqeval_strict", suffix=suffix, zero_division=nothing, scheme=name, mode="strict")


def test_modes_and_schemes_that_do_not_fit_are_named() -> None:
    rows = [["B-PER"]]
    for arguments, error, message in (
        ({"scheme": "IOB2"}, BadEvaluation, "scheme IOB2 counts in strict mode only"),
        ({"mode": "strict"}, BadEvaluation, "Strict mode needs a scheme, one of IOB1"),
        ({"mode": "strict", "scheme": "IOB3"}, UnknownName, "tag scheme 'IOB3'"),
        ({"mode": "lax"}, UnknownName, "mode of seqeval 'lax'"),
        ({"mode": "strict", "scheme": "IOE1"}, BadEvaluation, "tag 'B-PER' is not of the scheme IOE1"),
    ):
        with pytest.raises(error, match=message):
            compute("seqeval", predictions=rows, references=rows, **arguments)
    with pytest.raises(BadEvaluation, match="and '' is none"):
        compute("seqeval", predictions=[[""]], references=[["O"]])
    with pytest.raises(BadEvaluation, match="no tokens"):
        compute("seqeval", predictions=[[]], references=[[]])


def test_details_tell_each_type() -> None:
    rows = seqeval([["B-PER", "O"]], [["B-PER", "B-LOC"]]).details["per_type"]
    assert [(row["label"], row["f1"], row["support"]) for row in rows] == [("LOC", 0.0, 1), ("PER", 1.0, 1)]


def test_rows_of_unequal_length_are_named() -> None:
    with pytest.raises(BadEvaluation, match="Row 0 has 1 predicted tags and 2"):
        compute("seqeval", predictions=[["O"]], references=[["O", "O"]])
