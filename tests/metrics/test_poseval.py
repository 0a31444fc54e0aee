"""Parts of speech against scikit-learn's report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.poseval import poseval

TAGS = st.sampled_from(["NOUN", "VERB", "ADJ", "名詞", ""])
ROWS = st.lists(st.lists(st.tuples(TAGS, TAGS), max_size=8), min_size=1, max_size=6)


@given(ROWS, st.sampled_from([0, 1]))
def test_poseval_equals_the_report(rows: list[list[tuple[str, str]]], nothing: int) -> None:
    pairs = [pair for row in rows for pair in row]
    if not pairs:
        return
    measured = poseval(
        [[pair[0] for pair in row] for row in rows],
        [[pair[1] for pair in row] for row in rows],
        zero_division=nothing,  # type: ignore[arg-type]
    )
    report = classification_report(
        [pair[1] for pair in pairs], [pair[0] for pair in pairs], output_dict=True, zero_division=nothing
    )
    ours = {key: float(value) for key, value in measured.score(measured.statistics.total()).items()}
    wanted = {"poseval_accuracy": sum(one == other for one, other in pairs) / len(pairs)}
    for average in ("macro", "weighted"):
        for name, theirs in (("f1", "f1-score"), ("precision", "precision"), ("recall", "recall")):
            wanted[f"poseval_{name}_{average}"] = report[f"{average} avg"][theirs]
    assert ours == pytest.approx(wanted, abs=1e-9)
    for row in measured.details["per_tag"]:
        theirs = report[str(row["label"])]
        assert row["precision"] == pytest.approx(theirs["precision"], abs=1e-9)
        assert row["support"] == theirs["support"]


def test_no_tokens() -> None:
    with pytest.raises(BadEvaluation, match="no tokens"):
        compute("poseval", predictions=[[]], references=[[]])
    with pytest.raises(UnknownName, match="zero_division of the metric 'poseval' '2'; there are: warn, 0, 1"):
        compute("poseval", predictions=[["A"]], references=[["A"]], zero_division=2)
