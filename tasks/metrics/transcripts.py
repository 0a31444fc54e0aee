"""Transcripts: word and character error rates, with named normalisers.

Rates are pooled (errors over all rows, by the words or characters of all references), unless a name ends in
`_mean`. Sources: Morris, Maier and Green (2004) for MER and WIL. Reference implementation: jiwer, which
splits words at spaces; here any white space splits them.

Texts are compared as they are unless `normalizer` says otherwise, so that "Hello," and "hello" differ:
`basic` is Whisper's for any language (lower case, no punctuation or brackets), `whisper_english` Whisper's
for English (numbers, contractions and titles too), by which English results are mostly published. Rates of
different normalisers do not compare, and the key names it. For a language without spaces take the `cer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Spelled, laid_words, spelled
from tasks.metrics.ratios import over
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums

Normalizer = Literal["none", "basic", "whisper_english"]


@cache
def normalizer(name: Normalizer) -> Callable[[str], str]:
    """Return the text normaliser of a name.

    `none` leaves text as it is; `basic` is Whisper's for any language (lower case, no punctuation or
    brackets); `whisper_english` is Whisper's for English (numbers, contractions, titles too), without its
    table of British and American spellings.

    >>> normalizer("basic")("Hello, World!").strip()
    'hello world'
    """
    if name == "none":
        return str
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    makers: dict[str, Callable[[], Callable[[str], str]]] = {
        "basic": BasicTextNormalizer,
        "whisper_english": partial(EnglishTextNormalizer, {}),
    }
    return makers[name]()


Unit = Literal["words", "characters"]


def _spelled(
    predictions: Sequence[str], references: Sequence[str], by: Unit, named: Normalizer
) -> tuple[Sequence[Spelled], Sequence[Spelled]]:
    """Return transcripts with one character a unit, predictions and references.

    Raises:
        BadEvaluation: Lengths differ, a transcript is missing, or every reference is empty.
    """
    check_lengths(predictions, references)
    both = [*predictions, *references]
    for text in both:
        if not isinstance(text, str):
            what = "missing (None)" if text is None else f"no text but {type(text).__name__}"
            raise BadEvaluation(f"A transcript is {what}.")
    if named != "none":
        both = list(map(normalizer(named), both))
    written = spelled(laid_words(both)) if by == "words" else [text.strip() for text in both]
    heard, said = written[: len(predictions)], written[len(predictions) :]
    if not any(said):
        raise BadEvaluation("Every reference transcript is empty, so an error rate is not defined.")
    return heard, said


def _distances(heard: Sequence[Spelled], said: Sequence[Spelled]) -> FloatArray:
    """Return edits and units said of each row, shape (rows, 2)."""
    edits = cpdist(said, heard, scorer=Levenshtein.distance, dtype=np.int64, workers=1)
    return np.stack([edits, np.fromiter(map(len, said), dtype=np.int64)], axis=1).astype(np.float64)


def _counts(heard: Sequence[Spelled], said: Sequence[Spelled]) -> FloatArray:
    """Return hits, substitutions, deletions and insertions of each row, shape (rows, 4).

    Where several shortest alignments exist, they are those of the alignment rapidfuzz chooses, as in jiwer.
    """
    counts = np.zeros((len(said), 4))
    for row, (hypothesis, reference) in enumerate(zip(heard, said, strict=True)):
        if hypothesis == reference:
            counts[row, 0] = len(reference)
            continue
        edits = Levenshtein.editops(reference, hypothesis).as_list()
        replaced = sum(edit[0] == "replace" for edit in edits)
        longer = len(hypothesis) - len(reference)
        deleted = (len(edits) - replaced - longer) // 2
        counts[row] = (len(reference) - replaced - deleted, replaced, deleted, deleted + longer)
    return counts


def _named(name: str, normalizer: Normalizer) -> str:
    return name if normalizer == "none" else f"{name}_{normalizer}"


def _rate(
    name: str, predictions: Sequence[str], references: Sequence[str], named: Normalizer, by: Unit
) -> Measurement:
    values = _distances(*_spelled(predictions, references, by, named))
    key = _named(name, named)
    return Measurement(
        Sums(values), lambda totals: {key: over(totals[..., 0], totals[..., 1], np.nan)}, {key: False}
    )


def _mean_rate(
    name: str, predictions: Sequence[str], references: Sequence[str], named: Normalizer, by: Unit
) -> Measurement:
    distances = _distances(*_spelled(predictions, references, by, named))
    there = distances[:, 1] > 0
    values = np.stack([over(distances[:, 0], distances[:, 1]), there], axis=1)
    values[~there] = 0.0
    key = _named(name, named)
    left_out = int((~there).sum())
    return Measurement(
        Sums(values),
        lambda totals: {key: over(totals[..., 0], totals[..., 1], np.nan)},
        {key: False},
        tags={f"{key}_note": f"{left_out} rows with an empty reference are left out"} if left_out else {},
    )


def _aligned(
    name: str,
    predictions: Sequence[str],
    references: Sequence[str],
    named: Normalizer,
    score: Callable[[FloatArray], FloatArray],
    *,
    higher_is_better: bool = False,
) -> Measurement:
    counts = _counts(*_spelled(predictions, references, "words", named))
    key = _named(name, named)
    return Measurement(Sums(counts), lambda totals: {key: score(totals)}, {key: higher_is_better})


def _kinds(
    unit: str, predictions: Sequence[str], references: Sequence[str], named: Normalizer, by: Unit
) -> Measurement:
    counts = _counts(*_spelled(predictions, references, by, named))
    keys = [_named(f"{unit}_{kind}_rate", named) for kind in ("substitution", "deletion", "insertion")]
    totals = counts.sum(axis=0).astype(int).tolist()
    table = dict(zip(("hits", "substitutions", "deletions", "insertions"), totals, strict=True))

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        said = totals[..., :3].sum(-1)
        return {key: over(totals[..., place + 1], said, np.nan) for place, key in enumerate(keys)}

    return Measurement(
        Sums(counts), score, dict.fromkeys(keys, False), details={f"{unit}_errors": [dict(table)]}
    )


def _errors(totals: FloatArray) -> FloatArray:
    return np.asarray(totals[..., 1:].sum(-1))


def wer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word error rate: word edits by words said, pooled over rows; 0 is perfect, above 1 is possible.

    Key: `wer`, or `wer_basic` and so on by `normalizer`. A row with an empty reference adds insertions only.
    Reference: jiwer.wer.
    """
    return _rate("wer", predictions, references, normalizer, "words")


def cer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Character error rate: character edits by characters said, spaces included, pooled over rows.

    Key: `cer`, or `cer_basic` and so on by `normalizer`. Reference: jiwer.cer.
    """
    return _rate("cer", predictions, references, normalizer, "characters")


def wer_mean(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Mean over rows of each row's word error rate; 0 is perfect, above 1 is possible.

    Key: `wer_mean`. A short row counts as much as a long one, so it differs from the pooled `wer`. Rows with
    an empty reference have no rate and are left out, which a tag says. Reference: the mean of jiwer.wer row
    by row.
    """
    return _mean_rate("wer_mean", predictions, references, normalizer, "words")


def cer_mean(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Mean over rows of each row's character error rate; 0 is perfect, above 1 is possible.

    Key: `cer_mean`. A short row counts as much as a long one, so it differs from the pooled `cer`. Rows with
    an empty reference have no rate and are left out, which a tag says. Reference: the mean of jiwer.cer row
    by row.
    """
    return _mean_rate("cer_mean", predictions, references, normalizer, "characters")


def word_errors(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word substitutions, deletions and insertions by words said, pooled; together they are the `wer`.

    Keys: `word_substitution_rate`, `word_deletion_rate`, `word_insertion_rate`; the counts are in the
    `word_errors` table. Where several alignments are as short, the split between kinds is rapidfuzz's choice.
    Reference: jiwer.process_words.
    """
    return _kinds("word", predictions, references, normalizer, "words")


def character_errors(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Character substitutions, deletions and insertions by characters said, pooled; together the `cer`.

    Keys: `character_substitution_rate`, `character_deletion_rate`, `character_insertion_rate`; the counts are
    in the `character_errors` table. Reference: jiwer.process_characters.
    """
    return _kinds("character", predictions, references, normalizer, "characters")


def mer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Match error rate: word edits by words aligned, 0 to 1, pooled over rows.

    Key: `mer`. Reference: jiwer.mer.
    """
    return _aligned("mer", predictions, references, normalizer, lambda t: over(_errors(t), t.sum(-1), np.nan))


def wip(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word information preserved: hits by words said times hits by words heard, 0 to 1, pooled.

    Key: `wip`; higher is better. Reference: jiwer.wip.
    """
    return _aligned("wip", predictions, references, normalizer, _preserved, higher_is_better=True)


def wil(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word information lost: one minus the word information preserved, 0 to 1, pooled.

    Key: `wil`. Reference: jiwer.wil.
    """
    return _aligned("wil", predictions, references, normalizer, lambda t: 1 - _preserved(t))


def _preserved(totals: FloatArray) -> FloatArray:
    hits = totals[..., 0]
    said, heard = totals[..., :3].sum(-1), hits + totals[..., 1] + totals[..., 3]
    return over(hits, said) * over(hits, heard)
