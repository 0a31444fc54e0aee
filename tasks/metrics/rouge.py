"""ROUGE: n-grams and longest common subsequences that a text shares with its reference.

Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries. Reference implementation:
rouge_score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import cache

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Laid, laid, matched, spelled
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, IntArray, Sums
from tasks.metrics.subsequences import union_hits
from tasks.metrics.texts import References, Tokenize, best_of, paired_off, several

_TOKEN = re.compile("[a-z0-9]+")
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
    cut: Tokenize = tokenizer or (_stems if use_stemmer else _tokens)
    row_of = paired_off(rows)
    numbers: dict[Hashable, int] = {}
    flat = [text for row in rows for text in row]
    wanted = laid([cut(text) for text in flat], numbers)
    alone = laid([cut(text) for text in predictions], numbers)
    given = alone if len(flat) == len(rows) else alone.taken(row_of)
    shared = _shared(types, given, wanted, lambda: _summary_hits(predictions, flat, row_of, cut, numbers))
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

    tags = {} if tokenizer else _noted(flat, wanted)
    tags["rouge_tokenizer"] = "given" if tokenizer else "a-z and 0-9" + (", stemmed" if use_stemmer else "")
    return Measurement(Sums(values), score, dict.fromkeys(types, True), details={"rouge": table}, tags=tags)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _stems(text: str) -> list[str]:
    return [_stem(token) if len(token) > 3 else token for token in _TOKEN.findall(text.lower())]


@cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer

    made: Callable[[str], str] = PorterStemmer().stem
    return made


@cache
def _stem(word: str) -> str:
    return _stemmer()(word)


Hits = tuple[FloatArray, FloatArray, FloatArray]
"""What is shared, out of how much in the prediction, and in the reference."""


def _shared(types: Sequence[str], given: Laid, wanted: Laid, summary: Callable[[], Hits]) -> dict[str, Hits]:
    orders = [int(name[5:]) for name in types if name[5:].isdigit()]
    found: dict[str, Hits] = {}
    if orders:
        right = matched(given, [wanted], max(orders))
        for order in orders:
            found[f"rouge{order}"] = (
                right[:, order - 1],
                given.totals([order])[:, 0],
                wanted.totals([order])[:, 0],
            )
    if "rougeL" in types:
        from rapidfuzz.distance import LCSseq

        longest = map(LCSseq.similarity, spelled(wanted), spelled(given))
        found["rougeL"] = (
            np.fromiter(longest, dtype=np.float64),
            given.totals([1])[:, 0],
            wanted.totals([1])[:, 0],
        )
    if "rougeLsum" in types:
        found["rougeLsum"] = summary()
    return found


def _summary_hits(
    predictions: Sequence[str],
    flat: Sequence[str],
    row_of: IntArray,
    cut: Tokenize,
    numbers: dict[Hashable, int],
) -> Hits:
    """Return the tokens in the union of each reference sentence's longest common subsequences."""

    def sentences(text: str) -> list[list[int]]:
        lines = [line for line in text.split("\n") if line]
        found = []
        for line in lines:
            tokens = cut(line)
            found.append([numbers.setdefault(token, len(numbers)) for token in tokens])
        return found

    given = [sentences(text) for text in predictions]
    wanted = [sentences(text) for text in flat]
    hits = [union_hits(reference, given[row]) for reference, row in zip(wanted, row_of.tolist(), strict=True)]
    sizes = np.array([sum(map(len, one)) for one in given], dtype=np.float64)
    return (
        np.array(hits, dtype=np.float64),
        sizes[row_of],
        np.array([sum(map(len, one)) for one in wanted], dtype=np.float64),
    )


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
