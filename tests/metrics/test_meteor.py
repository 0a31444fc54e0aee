"""METEOR against nltk; synonyms by a small thesaurus, since WordNet's data may not be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.meteor_score import single_meteor_score

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.meteor import score

ALIKE = {"big": ["large", "huge", "great_big"], "large": ["big"], "cat": ["feline", "cat"], "run": ["go"]}
WORDS = st.lists(
    st.sampled_from(
        ["The", "the", "cat", "cats", "feline", "big", "large", "huge", "running", "run", "go", ".", "猫"]
    ),
    max_size=12,
)


@dataclass(frozen=True)
class Lemma:
    spelling: str

    def name(self) -> str:
        return self.spelling


@dataclass(frozen=True)
class Synset:
    words: list[str]

    def lemmas(self) -> list[Lemma]:
        return [Lemma(word) for word in self.words]


class Thesaurus:
    """What nltk asks of WordNet, on a few words."""

    def __init__(self, alike: dict[str, list[str]]) -> None:
        self.alike = alike

    def synsets(self, word: str) -> list[Synset]:
        return [Synset(self.alike[word])] if word in self.alike else []


def synonyms(word: str) -> list[str]:
    return [each for each in ALIKE.get(word, []) if "_" not in each]


@given(WORDS, WORDS, st.sampled_from([0.9, 0.5]), st.sampled_from([3.0, 1.5]), st.sampled_from([0.5, 0.2]))
def test_meteor_equals_nltks(
    given: list[str], wanted: list[str], alpha: float, beta: float, gamma: float
) -> None:
    weights: Any = {"alpha": alpha, "beta": beta, "gamma": gamma}
    theirs = single_meteor_score(wanted, given, wordnet=Thesaurus(ALIKE), **weights)  # type: ignore[arg-type]
    assert score(given, wanted, synonyms, **weights) == pytest.approx(theirs, abs=1e-9)
    theirs = single_meteor_score(wanted, given, wordnet=Thesaurus({}), **weights)  # type: ignore[arg-type]
    assert score(given, wanted, None, **weights) == pytest.approx(theirs, abs=1e-9)


def test_without_data_the_key_says_what_was_matched() -> None:
    found = compute(
        "meteor",
        predictions=["the cats sat", "no"],
        references=[["a dog", "the cat sat"], ["yes"]],
        synonyms=False,
        sentences=False,
        resamples=0,
    )
    wanted = single_meteor_score(["the", "cat", "sat"], ["the", "cats", "sat"], wordnet=Thesaurus({}))  # type: ignore[arg-type]
    assert found["meteor_exact_stem"].value == pytest.approx(wanted / 2, abs=1e-9)


def test_missing_data_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(BadEvaluation, match=r"python -m nltk\.downloader punkt_tab"):
        compute("meteor", predictions=["a"], references=["a"], synonyms=False)
    with pytest.raises(BadEvaluation, match=r"python -m nltk\.downloader wordnet omw-1\.4"):
        compute("meteor", predictions=["a"], references=["a"], sentences=False)
