"""Counting n-grams of many texts at once, as integers in arrays.

Tokens get numbers once; an n-gram's number is that of its first n - 1 tokens with its last, made dense by one
sort for each order over all rows. No n-gram is ever built as an object, which is what makes this fast.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tasks.metrics.statistics import FloatArray, IntArray


@dataclass(frozen=True)
class Laid:
    """Texts laid end to end: the tokens' numbers, and the length of each text."""

    codes: IntArray
    lengths: IntArray

    def totals(self, orders: Sequence[int]) -> FloatArray:
        """Return how many n-grams each text has, shape (texts, orders)."""
        found = np.maximum(self.lengths[:, None] - np.asarray(orders) + 1, 0)
        return np.asarray(found, dtype=np.float64)

    def taken(self, texts: IntArray) -> Laid:
        """Return some of the texts, each as often as it is named, in that order."""
        lengths = self.lengths[texts]
        starts = (np.cumsum(self.lengths) - self.lengths)[texts]
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Laid(self.codes[np.repeat(starts, lengths) + within], lengths)


class Numbers(dict[Hashable, int]):
    """Numbers of tokens, given out as tokens are first asked for."""

    def __missing__(self, token: Hashable) -> int:
        number = self[token] = len(self)
        return number


def laid(texts: Sequence[Sequence[Hashable]], numbers: Numbers) -> Laid:
    """Number the tokens of texts.

    >>> laid([["a", "b"], [], ["a"]], Numbers())
    Laid(codes=array([0, 1, 0]), lengths=array([2, 0, 1]))
    """
    codes = np.fromiter(map(numbers.__getitem__, chain.from_iterable(texts)), dtype=np.int64)
    return Laid(codes, np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))


def laid_characters(texts: Sequence[str]) -> Laid:
    """Number the characters of texts by their code points.

    >>> laid_characters(["ab", ""]).codes.tolist()
    [97, 98]
    """
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype="<u4").astype(np.int64)
    return Laid(codes, np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))


def laid_words(texts: Sequence[str]) -> Laid:
    """Number the words of texts, split at white space as `str.split` does.

    >>> laid_words([" a b ", "", "b"])
    Laid(codes=array([0, 1, 1]), lengths=array([2, 0, 1]))
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        split = pc.utf8_split_whitespace(pa.array(texts, pa.large_string()))
    except UnicodeEncodeError:  # Half a surrogate pair: no UTF-8, so no Arrow.
        return laid([text.split() for text in texts], Numbers())
    encoded = split.flatten().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    lengths = pc.list_value_length(split).to_numpy().astype(np.int64)
    nothing = pc.index(encoded.dictionary, "").as_py()
    if nothing >= 0:  # Arrow gives an empty word for space at either end; str.split gives none.
        word = codes != nothing
        text_of = np.repeat(np.arange(len(texts)), lengths)
        lengths = np.bincount(text_of[word], minlength=len(texts)).astype(np.int64)
        codes = codes[word]
        codes = codes - (codes > nothing)
    return Laid(codes, lengths)


@dataclass(frozen=True)
class Grams:
    """The distinct n-grams of one order, each within one row.

    Attributes:
        order: n.
        row: Row of each distinct n-gram, shape (distinct,).
        counts: How often it is in each slot's text of that row, shape (slots, distinct).
    """

    order: int
    row: IntArray
    counts: FloatArray


def grams(slots: Sequence[Laid], most: int) -> Iterator[Grams]:
    """Yield the n-grams of each row for n from 1 to `most`.

    Args:
        slots: What is compared: predictions, then first references, then second ones, … Each has one text a
            row (an empty one where a row has fewer references).
        most: The longest n-gram.

    >>> numbers = Numbers()
    >>> one, two = next(grams([laid([["a", "a", "b"]], numbers), laid([["b", "c"]], numbers)], 1)).counts
    >>> one.tolist(), two.tolist()
    ([2.0, 1.0, 0.0], [0.0, 1.0, 1.0])
    """
    rows = len(slots[0].lengths)
    codes = np.concatenate([each.codes for each in slots])
    lengths = np.concatenate([each.lengths for each in slots])
    text_of = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))
    kinds = int(codes.max(initial=0)) + 1
    position, number = np.arange(len(codes)), text_of % max(rows, 1)
    for order in range(1, most + 1):
        fits = left[position] >= order
        position, number = position[fits], number[fits]
        key = number * kinds + codes[position + order - 1]
        distinct, number = np.unique(key, return_inverse=True)
        cell = text_of[position] // max(rows, 1) * len(distinct) + number
        counts = np.bincount(cell, minlength=len(slots) * len(distinct)).astype(np.float64)
        row = np.empty(len(distinct), dtype=np.int64)
        row[number] = text_of[position] % max(rows, 1)
        yield Grams(order, row, counts.reshape(len(slots), len(distinct)))


def matched(prediction: Laid, references: Sequence[Laid], most: int) -> FloatArray:
    """Return how many n-grams of each prediction a reference has, shape (rows, orders).

    An n-gram counts at most as often as the reference with most of it has it.

    >>> numbers = Numbers()
    >>> matched(laid([["a", "a", "b"]], numbers), [laid([["a", "b"]], numbers)], 2)
    array([[2., 1.]])
    """
    rows = len(prediction.lengths)
    found = np.zeros((rows, most))
    for each in grams([prediction, *references], most):
        both = np.minimum(each.counts[0], each.counts[1:].max(axis=0))
        found[:, each.order - 1] = np.bincount(each.row, weights=both, minlength=rows)
    return found


def slots_of(rows: Sequence[Sequence[Sequence[Hashable]]], numbers: Numbers) -> list[Laid]:
    """Lay the references of rows: first ones, second ones, …, an empty text where a row has no more.

    >>> [each.lengths.tolist() for each in slots_of([[["a"]], [["b"], ["c", "d"]]], Numbers())]
    [[1, 1], [0, 2]]
    """
    most = max(map(len, rows))
    return [laid([row[slot] if slot < len(row) else () for row in rows], numbers) for slot in range(most)]


Spelled = str | Sequence[int]
"""A text with one character (or number) a token."""


def spelled(texts: Laid) -> Sequence[Spelled]:
    """Write each text with one character a token, which string algorithms compare fastest.

    With more distinct tokens than there are characters, the tokens' numbers come back instead.

    >>> [len(text) for text in spelled(laid([["one", "two"], []], Numbers()))]
    [2, 0]
    """
    stops = np.cumsum(texts.lengths).tolist()
    spans = zip([0, *stops], stops, strict=False)
    if int(texts.codes.max(initial=0)) > 0x10FFFF:
        numbers = texts.codes.tolist()
        return [numbers[start:stop] for start, stop in spans]
    joined = texts.codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [joined[start:stop] for start, stop in spans]
