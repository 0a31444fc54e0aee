"""Error rates against jiwer."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import METRICS, compute
from tasks.metrics.ngrams import laid_words
from tasks.metrics.transcripts import normalizer, wer_mean

WORDS = ["the", "cat", "sat", "Katze", "кот", "猫", "it's", "42"]
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=10).map(" ".join)
PAIRS = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join), SENTENCE), min_size=1, max_size=10
)


@given(PAIRS)
def test_rates_equal_jiwers(pairs: list[tuple[str, str]]) -> None:
    predictions, references = ([pair[side] for pair in pairs] for side in (0, 1))
    for name in ("wer", "cer", "mer"):
        ours = compute(name, predictions=predictions, references=references, resamples=0)[name].value
        assert ours == pytest.approx(getattr(jiwer, name)(references, predictions), abs=1e-9), name


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=10))
def test_word_information_equals_jiwers_where_alignments_agree(pairs: list[tuple[str, str]]) -> None:
    """Several alignments of one length may exist; hits, and so WIL, can differ between them."""
    predictions, references = ([pair[side] for pair in pairs] for side in (0, 1))
    theirs = jiwer.process_words(references, predictions)
    ours = compute("wil", predictions=predictions, references=references, resamples=0)["wil"].value
    assert ours == pytest.approx(theirs.wil, abs=1e-9)


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=10))
def test_counts_and_means_equal_jiwers(pairs: list[tuple[str, str]]) -> None:
    predictions, references = ([pair[side] for pair in pairs] for side in (0, 1))
    for unit, theirs, mean, key in (
        ("word", jiwer.process_words(references, predictions), jiwer.wer, "wer_mean"),
        ("character", jiwer.process_characters(references, predictions), jiwer.cer, "cer_mean"),
    ):
        metric = METRICS[f"{unit}_errors"].measure(predictions, references)
        assert metric.details[f"{unit}_errors"] == [
            {
                "hits": theirs.hits,
                "substitutions": theirs.substitutions,
                "deletions": theirs.deletions,
                "insertions": theirs.insertions,
            }
        ]
        rates = metric.score(metric.statistics.total())
        pooled = compute(key[:3], predictions=predictions, references=references, resamples=0)[key[:3]]
        assert sum(map(float, rates.values())) == pytest.approx(pooled.value, abs=1e-9)
        wanted = sum(mean(said, heard) for heard, said in pairs) / len(pairs)
        found = compute(key, predictions=predictions, references=references, resamples=0)[key]
        assert found.value == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_words_are_those_of_split(texts: list[str]) -> None:
    found, numbers = laid_words(texts), {}
    assert found.lengths.tolist() == [len(text.split()) for text in texts]
    wanted = [numbers.setdefault(word, len(numbers)) for text in texts for word in text.split()]
    assert found.codes.tolist() == wanted


def test_every_space_splits_words_and_nothing_else_does() -> None:
    points = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    texts = [f"a{chr(point)}b" for point in points]
    assert laid_words(texts).lengths.tolist() == [len(text.split()) for text in texts]
    assert laid_words(["a \ud800", "b"]).lengths.tolist() == [2, 1]


def test_a_mean_leaves_out_rows_with_nothing_said() -> None:
    found = wer_mean(["a b", "c"], ["", "d"])
    assert float(found.score(found.statistics.total())["wer_mean"]) == 1.0
    assert found.tags["wer_mean_note"] == "1 rows with an empty reference are left out"


def test_an_empty_reference_adds_insertions_only() -> None:
    found = compute("wer", predictions=["a b", "c"], references=["", "c"], resamples=0)
    assert found["wer"].value == 2.0
    with pytest.raises(BadEvaluation, match="Every reference transcript is empty"):
        compute("wer", predictions=["a"], references=[""])


def test_normalisers_are_named_in_the_key() -> None:
    found = compute("wer", predictions=["Hello, World"], references=["hello world"], normalizer="basic")
    assert found["wer_basic"].value == 0
    english = compute(
        "wer",
        predictions=["Mister Smith won't"],
        references=["mr. smith will not"],
        normalizer="whisper_english",
    )
    assert english["wer_whisper_english"].value == 0


def test_the_english_normaliser_is_whispers() -> None:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    text = "It's the twenty-first, Dr. O'Neill — [laughs] £20 million!"
    assert normalizer("whisper_english")(text) == EnglishTextNormalizer({})(text)


def test_an_unknown_metric_argument_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'normalizer'"):
        compute("wer", predictions=["a"], references=["a"], normaliser="basic")
