"""ROUGE: n-grams and longest common subsequences that a text shares with its reference.

Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries. Reference implementation:
rouge_score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import LCSseq

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Laid, Numbers, Spelled, laid, matched, spelled
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, IntArray, Sums
from tasks.metrics.stems import stem
from tasks.metrics.subsequences import union_hits
from tasks.metrics.texts import References, Tokenize, best_of, paired_off, several

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge(
    predictions: Sequence[str],
    references: References,
    rouge_types: Sequence[str] | None = None,
    use_stemmer: bool = False,
    tokenizer: Tokenize | None = None,
) -> Measurement:
    """ROUGE F-scores, 0 to 1: the mean over rows of what a text shares with its best reference.

    Keys: `rouge1` and `rouge2` (n-grams), `rougeL` (longest common subsequence), `rougeLsum` (the same over
    sentences, which must stand one a line); mean precision and recall are in the `rouge` table. Values are
    means over rows; HF's are medians of a random bootstrap of them. Reference: rouge_score.

    The default tokeniser keeps a-z and 0-9 only: a Chinese or Russian text has no tokens and scores 0, which
    a tag then says. Give a `tokenizer` for other scripts.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        rouge_types: `rouge1` to `rouge9`, `rougeL`, `rougeLsum`; None for the usual four.
        use_stemmer: Compare Porter's stems of words over three letters; the default tokeniser only.
        tokenizer: A function from a text to its tokens.

    Raises:
        UnknownName: There is no such type.
        BadEvaluation: Rows do not pair up.
    """
    types = list(TYPES if rouge_types is None else rouge_types)
    for name in types:
        if not re.fullmatch("rouge([1-9]|L|Lsum)", name):
            raise unknown("ROUGE type", name, TYPES)
    if not types:
        raise BadEvaluation("There is no ROUGE type to compute.")
    rows = several(predictions, references)
    row_of = paired_off(rows)
    flat = [text for row in rows for text in row]
    numbers = Numbers()
    cut: Tokenize = tokenizer or (_stems if use_stemmer else _tokens)
    given, wanted = (_read(texts, cut, tokenizer is None, types, numbers) for texts in (predictions, flat))
    shared = _shared(types, given.taken(row_of) if len(flat) > len(rows) else given, wanted)
    values = np.ones((len(rows), len(types) + 1))
    table: list[dict[str, object]] = []
    for place, name in enumerate(types):
        hits, many, few = shared[name]
        precision, recall = over(hits, many), over(hits, few)
        f_score = over(2 * precision * recall, precision + recall)
        best = best_of(f_score, row_of)
        values[:, place] = f_score[best]
        table.append(
            {
                "type": name,
                "precision": float(precision[best].mean()),
                "recall": float(recall[best].mean()),
                "f1": float(f_score[best].mean()),
            }
        )

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {name: over(totals[..., place], totals[..., -1], np.nan) for place, name in enumerate(types)}

    tags = {} if tokenizer else _noted(flat, wanted.whole)
    tags["rouge_tokenizer"] = "given" if tokenizer else "a-z and 0-9" + (", stemmed" if use_stemmer else "")
    return Measurement(Sums(values), score, dict.fromkeys(types, True), details={"rouge": table}, tags=tags)


class _Spaces(dict[int, str]):
    """What each character is to the tokeniser: itself from a-z and 0-9, else a space."""

    def __missing__(self, point: int) -> str:
        kept = chr(point) if 97 <= point <= 122 or 48 <= point <= 57 else " "
        self[point] = kept
        return kept


_SPACES = _Spaces()


def _tokens(text: str) -> list[str]:
    return text.lower().translate(_SPACES).split()


def _stems(text: str) -> list[str]:
    return [stem(token) if len(token) > 3 else token for token in _tokens(text)]


@dataclass(frozen=True)
class _Read:
    """Texts as tokens: whole, and by sentence with the number of sentences of each text."""

    whole: Laid
    sentences: Laid
    counts: IntArray

    def taken(self, texts: IntArray) -> _Read:
        """Return some of the texts, each as often as it is named."""
        places = Laid(np.arange(int(self.counts.sum())), self.counts).taken(texts)
        return _Read(self.whole.taken(texts), self.sentences.taken(places.codes), places.lengths)

    def by_sentence(self) -> list[Sequence[Spelled]]:
        """Return the sentences of each text, each spelled with one character a token."""
        written = spelled(self.sentences)
        stops = np.cumsum(self.counts).tolist()
        return [written[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _read(texts: Sequence[str], cut: Tokenize, splits: bool, types: Sequence[str], numbers: Numbers) -> _Read:
    """Cut texts; `splits` says that the tokeniser never makes a token across a line's end."""
    if "rougeLsum" not in types:
        whole = laid([cut(text) for text in texts], numbers)
        return _Read(whole, Laid(whole.codes[:0], whole.codes[:0]), np.zeros(len(texts), dtype=np.int64))
    lines = [[line for line in text.split("\n") if line] for text in texts]
    counts = np.fromiter(map(len, lines), dtype=np.int64, count=len(lines))
    sentences = laid([cut(line) for each in lines for line in each], numbers)
    if not splits:
        return _Read(laid([cut(text) for text in texts], numbers), sentences, counts)
    text_of = np.repeat(np.arange(len(texts)), counts)
    lengths = np.bincount(text_of, weights=sentences.lengths, minlength=len(texts)).astype(np.int64)
    return _Read(Laid(sentences.codes, lengths), sentences, counts)


Hits = tuple[FloatArray, FloatArray, FloatArray]
"""What is shared, out of how much in the prediction, and in the reference."""


def _shared(types: Sequence[str], given: _Read, wanted: _Read) -> dict[str, Hits]:
    orders = [int(name[5:]) for name in types if name[5:].isdigit()]
    found: dict[str, Hits] = {}
    if orders:
        right = matched(given.whole, [wanted.whole], max(orders))
        many, few = (each.whole.totals(range(1, max(orders) + 1)) for each in (given, wanted))
        for order in orders:
            found[f"rouge{order}"] = (right[:, order - 1], many[:, order - 1], few[:, order - 1])
    if "rougeL" in types:
        longest = map(LCSseq.similarity, spelled(wanted.whole), spelled(given.whole))
        many, few = (each.whole.totals([1])[:, 0] for each in (given, wanted))
        found["rougeL"] = (np.fromiter(longest, dtype=np.float64), many, few)
    if "rougeLsum" in types:
        pairs = zip(wanted.by_sentence(), given.by_sentence(), strict=True)
        hits = np.array([union_hits(one, other) for one, other in pairs], dtype=np.float64)
        found["rougeLsum"] = (hits, _summed(given), _summed(wanted))
    return found


def _summed(read: _Read) -> FloatArray:
    """Return the tokens in the sentences of each text."""
    text_of = np.repeat(np.arange(len(read.counts)), read.counts)
    summed = np.bincount(text_of, weights=read.sentences.lengths, minlength=len(read.counts))
    return summed.astype(np.float64)


def _noted(texts: Sequence[str], wanted: Laid) -> dict[str, str]:
    """Say so when references are written in a script of which the tokeniser keeps nothing."""
    empty = np.flatnonzero(wanted.lengths == 0).tolist()
    lost = sum(any(character.isalpha() for character in texts[place]) for place in empty)
    if not lost:
        return {}
    return {
        "rouge_note": f"{lost} of {len(texts)} references have letters and none of a-z or 0-9, and score 0: "
        "give a tokenizer for their script"
    }
