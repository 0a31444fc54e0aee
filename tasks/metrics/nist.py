"""NIST: n-gram precision weighted by how much an n-gram says, with a length penalty, pooled over all rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import unescape

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, Sums
from tasks.metrics.texts import References, several

Gram = tuple[str, ...]
_ENTITIES = {"&apos;": "'", "&quot;": '"', "&#124;": "|", "&#91;": "[", "&#93;": "]"}
_BETA = np.log(0.5) / np.log(1.5) ** 2
"""Makes the length penalty one half where predictions have two thirds of the references' words."""


def nist_mt(
    predictions: Sequence[str],
    references: References,
    n: int = 5,
    lowercase: bool = False,
    western_lang: bool = True,
) -> Measurement:
    """NIST score, from 0 up: information of the matching n-grams by the n-grams given, summed over orders.

    Key: `nist_mt`. The information of an n-gram comes from all references; an interval takes it as given. An
    order that no prediction is long enough for adds nothing (nltk fails there). Source: Doddington (2002).
    Reference: HF evaluate's `nist_mt`, which is nltk's corpus_nist.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        n: The longest n-gram.
        lowercase: Ignore case (in western languages, as nltk does).
        western_lang: Split punctuation off; else split on spaces only.

    Raises:
        BadEvaluation: The references are all empty, or rows do not pair up.
    """
    if n < 1:
        raise BadEvaluation(f"The longest n-gram has 1 token or more, and {n} was given.")
    rows = [
        [tokens(text, lowercase, western_lang) for text in row] for row in several(predictions, references)
    ]
    if not any(text for row in rows for text in row):
        raise BadEvaluation("Every reference is empty, so NIST is not defined.")
    bits = information([text for row in rows for text in row], n)
    values = np.zeros((len(rows), 2 * n + 2))
    for number, (text, row) in enumerate(zip(predictions, rows, strict=True)):
        given = tokens(text, lowercase, western_lang)
        values[number, 2 * n] = n * len(given)
        for order in range(1, n + 1):
            right, length = _best(given, row, order, bits)
            values[number, order - 1] = right
            values[number, n + order - 1] = max(len(given) - order + 1, 0)
            values[number, 2 * n + 1] += length

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        precision = over(totals[..., :n], totals[..., n : 2 * n]).sum(axis=-1)
        ratio = over(totals[..., 2 * n], totals[..., 2 * n + 1], np.nan)
        with np.errstate(divide="ignore"):
            shrink = np.log(np.minimum(ratio, 1.0))
        return {"nist_mt": precision * np.exp(_BETA * shrink**2)}

    return Measurement(Sums(values), score, {"nist_mt": True})


def tokens(text: str, lowercase: bool, western: bool) -> list[str]:
    """Cut a text as the NIST script does.

    >>> tokens("It&apos;s $3.88, &lt;b&gt;.", False, True)
    ["It's", '$', '3.88', ',', '<', 'b', '>', '.']
    """
    text = unescape(text.replace("<skipped>", ""), _ENTITIES).replace("\u2028", " ")
    if not western:
        return text.split()
    from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

    padded = f" {text} "
    cut: str = TokenizerRegexp()(padded.lower() if lowercase else padded)  # type: ignore[no-untyped-call]
    return cut.split()


def information(texts: Sequence[Sequence[str]], most: int) -> dict[Gram, float]:
    """Return how many bits each n-gram of the references says, for n from 1 to `most`.

    They are the logarithm of how often its first n - 1 tokens occur by how often it occurs itself.

    >>> information([["a", "b"], ["a", "c"]], 2)[("a", "b")]
    1.0
    """
    counts: Counter[Gram] = Counter()
    for order in range(1, most + 1):
        for text in texts:
            counts.update(_grams(text, order))
    words = sum(map(len, texts))
    return {gram: math.log2((counts[gram[:-1]] if gram[1:] else words) / counts[gram]) for gram in counts}


def _grams(text: Sequence[str], order: int) -> Iterator[Gram]:
    return zip(*(text[start:] for start in range(order)), strict=False)


def _best(
    given: Sequence[str], references: Sequence[Sequence[str]], order: int, bits: dict[Gram, float]
) -> tuple[float, int]:
    """Return the bits of what matches best, and that reference's length; the longest of several as good."""
    there = Counter(_grams(given, order))
    found = []
    for reference in references:
        both = there & Counter(_grams(reference, order))
        found.append((sum(bits[gram] * count for gram, count in both.items()), len(reference)))
    return max(found)
