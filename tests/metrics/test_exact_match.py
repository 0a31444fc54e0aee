"""Exact match against its definition, as HF evaluate has it."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tests.metrics.corpora import TEXT


@given(
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8),
    st.lists(st.sampled_from(["the ", "[ab]", r"\d"]), max_size=2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_exact_match_is_what_hf_says(
    pairs: list[tuple[str, str]], patterns: list[str], case: bool, punctuation: bool, numbers: bool
) -> None:
    def ready(text: str) -> str:
        for pattern in patterns:
            text = re.sub(pattern, "", text)
        text = text.lower() if case else text
        unwanted = (string.punctuation if punctuation else "") + (string.digits if numbers else "")
        return "".join(mark for mark in text if mark not in unwanted)

    found = compute(
        "exact_match",
        predictions=[pair[0] for pair in pairs],
        references=[pair[1] for pair in pairs],
        regexes_to_ignore=patterns or None,
        ignore_case=case,
        ignore_punctuation=punctuation,
        ignore_numbers=numbers,
        resamples=0,
    )
    wanted = sum(ready(one) == ready(other) for one, other in pairs) / len(pairs)
    assert found["exact_match"].value == pytest.approx(wanted, abs=1e-9)


def test_documented_values() -> None:
    references = ["the cat", "theater", "YELLING", "agent007"]
    predictions = ["cat?", "theater", "yelling", "agent"]
    for arguments, wanted in (
        ({}, 0.25),
        ({"regexes_to_ignore": ["the ", "yell"], "ignore_case": True, "ignore_punctuation": True}, 0.5),
        (
            {
                "regexes_to_ignore": ["the ", "yell", "YELL"],
                "ignore_case": True,
                "ignore_punctuation": True,
                "ignore_numbers": True,
            },
            1.0,
        ),
    ):
        found = compute("exact_match", predictions=predictions, references=references, **arguments)  # type: ignore[arg-type]
        assert found["exact_match"].value == wanted
    assert compute("exact_match", predictions=["b"], references=[["a", "b"]])["exact_match"].value == 1
    with pytest.raises(BadEvaluation, match=r"'\(' is not a regular expression"):
        compute("exact_match", predictions=["b"], references=["a"], regexes_to_ignore=["("])
