"""Regular expressions from a config: they end, and find what Python's find."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute, patterns

ENDLESS = "(a+)+$"
TEXT = "a" * 60 + "!"


@pytest.mark.parametrize(
    "apply",
    [
        lambda: patterns.all_extracted(ENDLESS, [TEXT], 1),
        lambda: patterns.all_without([ENDLESS], [TEXT], 1),
    ],
)
def test_an_expression_that_never_ends_is_ended_and_named(apply: Callable[[], list[str]]) -> None:
    with pytest.raises(BadEvaluation, match=r"The regular expression '.*' takes more than 1 s on 1 texts"):
        apply()


def test_nothing_runs_where_there_is_nothing_to_cut() -> None:
    assert patterns.all_without([], ["a"]) == ["a"]


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([r"\d+", r"(a)|b", r"#### (\w+)", r"(?i)[A-C]", r"(x)?y", r"$"]),
    st.lists(st.text(alphabet="abcxyz#é 0123\n\u2028", max_size=20), max_size=5),
)
def test_apart_finds_what_pythons_matcher_finds(expression: str, texts: list[str]) -> None:
    compiled = re.compile(expression)
    assert patterns.all_extracted(expression, texts) == [patterns.extracted(each, compiled) for each in texts]
    assert patterns.all_without([expression], texts) == [compiled.sub("", each) for each in texts]


def test_exact_match_ignores_what_patterns_cut_out() -> None:
    given = {"predictions": ["a-1", "b", "d"], "references": [["a2", "c"], "b", "e"]}
    found = compute("exact_match", **given, regexes_to_ignore=["[0-9]", "-"])
    assert found["exact_match"].value == pytest.approx(2 / 3)
