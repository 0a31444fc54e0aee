"""Reported scores held against measured ones, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tasks.publish.claims import Claim, Verdict, findings, judge
from tasks.publish.results import Value
from tests.publish.sample import RESULT

CLAIM = Claim(
    model="acme/topic",
    dataset="acme/reviews",
    metric="accuracy",
    value=0.88,
    origin="model-index",
    config="default",
    split="test",
    revision="b" * 40,
)
"""Measured: 0.9 [0.8, 0.96]."""

CASES: list[tuple[str, dict[str, Any], Verdict, str]] = [
    ("within the interval", {}, "verified", "covers it"),
    ("above it", {"value": 0.99}, "not reproduced", "does not cover it"),
    ("below it", {"value": 0.5}, "not reproduced", "does not cover it"),
    ("in percent", {"value": 88}, "verified", "read as percent"),
    ("in percent, with a sign, as text", {"value": "88.1 %"}, "verified", "read as percent"),
    ("rounded to where the interval ends", {"value": 1}, "verified", "covers it"),
    ("just outside, to three digits", {"value": 0.961}, "not reproduced", "does not cover it"),
    ("just outside, to two digits", {"value": "0.96"}, "verified", "covers it"),
    ("no number", {"value": "see the paper"}, "cannot tell", "no number"),
    ("another split", {"split": "train"}, "cannot tell", "about the split 'train', and ours about 'test'"),
    ("another config", {"config": "raw"}, "cannot tell", "about the config 'raw'"),
    ("no split, covered", {"split": None}, "verified", "The claim names no split."),
    ("no split, not covered", {"split": None, "value": 0.5}, "cannot tell", "The claim names no split."),
    ("no revision, not covered", {"revision": None, "value": 0.5}, "not reproduced", "names no revision"),
    ("another revision", {"revision": "main", "value": 0.5}, "cannot tell", "another revision"),
    ("a synonym", {"metric": "acc"}, "verified", "covers it"),
    ("another metric", {"metric": "wer"}, "cannot tell", "'wer' was not measured here"),
    ("F1 with its average", {"metric": "f1", "arguments": {"average": "macro"}}, "verified", "covers it"),
    ("F1 by its name", {"metric": "f1", "name": "F1 Macro"}, "verified", "covers it"),
    ("another average", {"metric": "f1", "arguments": {"average": "micro"}}, "cannot tell", "not measured"),
    ("F1 of some average", {"metric": "f1"}, "verified", "does not say how it is averaged"),
    ("F1 of some average, not covered", {"metric": "f1", "value": 0.2}, "cannot tell", "averaged"),
]


@pytest.mark.parametrize(
    ("change", "verdict", "words"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_a_claim_is_judged_by_the_rules(change: dict[str, Any], verdict: Verdict, words: str) -> None:
    found = judge(replace(CLAIM, **change), RESULT)
    assert found.verdict == verdict, found.why
    assert words in " ".join(found.why)


def test_scores_that_are_in_percent_here_take_shares() -> None:
    ours = replace(
        RESULT,
        task="translation",
        metrics=({"name": "sacrebleu"},),
        scores={"sacrebleu": Value(40.2, 38.0, 42.0)},
    )
    found = judge(replace(CLAIM, metric="sacrebleu", value=0.41), ours)
    assert (found.verdict, found.claimed) == ("verified", 41.0)
    assert found.difference == pytest.approx(-0.8)


def test_without_an_interval_only_the_same_is_verified() -> None:
    ours = replace(RESULT, scores={"accuracy": Value(0.9)})
    assert judge(replace(CLAIM, value=0.9), ours).verdict == "verified"
    assert judge(replace(CLAIM, value=0.904), ours).verdict == "cannot tell"


def test_each_claim_meets_the_result_that_fits_it() -> None:
    other = replace(RESULT, split="validation", run_id="1" * 32)
    claims = [
        CLAIM,
        replace(CLAIM, split="validation"),
        replace(CLAIM, model="acme/unknown"),
        replace(CLAIM, ours=True),
    ]
    found = findings(claims, [other, RESULT])
    assert [each.run_id for each in found] == [RESULT.run_id, other.run_id, ""]
    assert found[2].why == ("It was not evaluated here.",)
