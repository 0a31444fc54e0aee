"""Transcripts: word and character error rates, with named normalisers.

Rates are pooled: errors over all rows, by the words (characters) of all references. Sources: Morris, Maier
and Green (2004) for MER and WIL. Reference implementation: jiwer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
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


def _pieces(texts: Sequence[str], by: Literal["words", "characters"], named: Normalizer) -> list[list[str]]:
    normalize = normalizer(named)
    if any(text is None for text in texts):
        raise BadEvaluation("A transcript is missing (None).")
    cleaned = [normalize(text) for text in texts]
    return [text.split() for text in cleaned] if by == "words" else [list(text.strip()) for text in cleaned]


def _counts(
    predictions: Sequence[str],
    references: Sequence[str],
    by: Literal["words", "characters"],
    named: Normalizer,
) -> FloatArray:
    """Return hits, substitutions, deletions and insertions of each row, shape (rows, 4).

    Raises:
        BadEvaluation: Lengths differ, a transcript is missing, or every reference is empty.
    """
    check_lengths(predictions, references)
    heard, said = _pieces(predictions, by, named), _pieces(references, by, named)
    counts = np.zeros((len(said), 4))
    for row, (hypothesis, reference) in enumerate(zip(heard, said, strict=True)):
        kinds = [edit.tag for edit in Levenshtein.editops(reference, hypothesis)]
        substituted, deleted, inserted = (kinds.count(kind) for kind in ("replace", "delete", "insert"))
        counts[row] = (len(reference) - substituted - deleted, substituted, deleted, inserted)
    if not counts[:, :3].sum():
        raise BadEvaluation("Every reference transcript is empty, so an error rate is not defined.")
    return counts


def _rate(
    name: str,
    predictions: Sequence[str],
    references: Sequence[str],
    named: Normalizer,
    score: Callable[[FloatArray], FloatArray],
    *,
    by: Literal["words", "characters"] = "words",
    higher_is_better: bool = False,
) -> Measurement:
    key = name if named == "none" else f"{name}_{named}"
    counts = _counts(predictions, references, by, named)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Measurement(Sums(counts), lambda totals: {key: score(totals)}, {key: higher_is_better})


def _errors(totals: FloatArray) -> FloatArray:
    return np.asarray(totals[..., 1:].sum(-1))


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; by nothing is undefined (NaN)."""
    above, below = np.asarray(above), np.asarray(below)
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0))


def wer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word error rate: word edits by words said, pooled over rows; 0 is perfect, above 1 is possible.

    Key: `wer`, or `wer_basic` and so on by `normalizer`. A row with an empty reference adds insertions only.
    Reference: jiwer.wer.
    """
    return _rate("wer", predictions, references, normalizer, lambda t: _over(_errors(t), t[..., :3].sum(-1)))


def cer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Character error rate: character edits by characters said, spaces included, pooled over rows.

    Key: `cer`, or `cer_basic` and so on by `normalizer`. Reference: jiwer.cer.
    """
    return _rate(
        "cer",
        predictions,
        references,
        normalizer,
        lambda t: _over(_errors(t), t[..., :3].sum(-1)),
        by="characters",
    )


def mer(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Match error rate: word edits by words aligned, 0 to 1, pooled over rows.

    Key: `mer`. Reference: jiwer.mer.
    """
    return _rate("mer", predictions, references, normalizer, lambda t: _over(_errors(t), t.sum(-1)))


def wip(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word information preserved: hits by words said times hits by words heard, 0 to 1, pooled.

    Key: `wip`; higher is better. Reference: jiwer.wip.
    """
    return _rate("wip", predictions, references, normalizer, _preserved, higher_is_better=True)


def wil(
    predictions: Sequence[str], references: Sequence[str], normalizer: Normalizer = "none"
) -> Measurement:
    """Word information lost: one minus the word information preserved, 0 to 1, pooled.

    Key: `wil`. Reference: jiwer.wil.
    """
    return _rate("wil", predictions, references, normalizer, lambda t: 1 - _preserved(t))


def _preserved(totals: FloatArray) -> FloatArray:
    hits = totals[..., 0]
    said, heard = totals[..., :3].sum(-1), hits + totals[..., 1] + totals[..., 3]
    return np.nan_to_num(_over(hits, said)) * np.nan_to_num(_over(hits, heard))
