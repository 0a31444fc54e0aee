"""Spans: where in a context the answer lies, from logits for its first and last token in every window.

A context longer than the model takes is read in windows that overlap. A span is taken from the window in
which its first token has most context, and may have a limited length; the "no answer" of a row is that of
the window least sure of it.

Source: Devlin et al. (2019), BERT, section 4.2 and 4.3; the reference is its SQuAD script. That looks at
the 20 likeliest first and last tokens only, and finds nothing where none of them pair up; here every pair is
looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Offsets = Sequence[tuple[int, int] | None]
"""Of every token of a window, the characters of the context it stands for; None for other tokens."""


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (not included) of a context, and the logit of their being the answer."""

    start: int
    end: int
    logit: float


def most_context(starts: Sequence[int], lengths: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Tell for every token of every window whether no other window has it with more context around.

    Args:
        starts: The number of each window's first token in the whole context.
        lengths: How many tokens of the context each window has.

    Context is the smaller of the tokens to the left and right; longer windows win by a hundredth of their
    length, the first window where that is equal too.

    >>> [list(map(int, window)) for window in most_context([0, 2], [4, 4])]
    [[1, 1, 1, 0], [0, 1, 1, 1]]
    """
    count = max((start + length for start, length in zip(starts, lengths, strict=True)), default=0)
    best = np.full(count, -np.inf)
    owner = np.zeros(count, dtype=np.int64)
    for window, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        place = np.arange(length)
        context = np.minimum(place, length - 1 - place) + 0.01 * length
        inside = slice(start, start + length)
        better = context > best[inside]
        best[inside] = np.where(better, context, best[inside])
        owner[inside] = np.where(better, window, owner[inside])
    return [
        owner[start : start + length] == window
        for window, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]


def window_starts(lengths: Sequence[int], overlap: int) -> list[int]:
    """Return where windows begin that each share `overlap` tokens with the one before.

    >>> window_starts([10, 10, 5], 4)
    [0, 6, 12]
    """
    starts = [0]
    for length in lengths[:-1]:
        starts.append(starts[-1] + length - overlap)
    return starts[: len(lengths)]


def best_spans(
    offsets: Sequence[Offsets],
    first: Sequence[NDArray[np.float32]],
    last: Sequence[NDArray[np.float32]],
    overlap: int,
    longest: int,
    count: int,
) -> list[Span]:
    """Return the likeliest spans of a row, best first, each once.

    Args:
        offsets: Of each window, its tokens' characters.
        first: Of each window, its tokens' logits for being an answer's first, shape (tokens,).
        last: The same for being its last.
        overlap: Tokens that two windows share.
        longest: The most tokens of an answer.
        count: How many to return at most.

    >>> where = [None, (0, 3), (4, 7)]
    >>> best_spans([where], [np.array([9, 1, 2])], [np.array([9, 5, 3])], 0, 30, 2)
    [Span(start=0, end=3, logit=6.0), Span(start=4, end=7, logit=5.0)]
    """
    inside = [np.array([place for place, each in enumerate(window) if each]) for window in offsets]
    lengths = [len(places) for places in inside]
    owned = most_context(window_starts(lengths, overlap), lengths)
    found: dict[tuple[int, int], float] = {}
    for window, places in enumerate(inside):
        if not len(places):
            continue
        begins = np.where(owned[window], np.asarray(first[window], dtype=np.float64)[places], -np.inf)
        ends = np.asarray(last[window], dtype=np.float64)[places]
        for start, end, logit in _likeliest(begins, ends, longest, count):
            one, other = offsets[window][places[start]], offsets[window][places[end]]
            if one and other:
                key = one[0], other[1]
                found[key] = max(logit, found.get(key, -np.inf))
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [Span(start, end, logit) for (start, end), logit in ranked[:count]]


def _likeliest(
    begins: NDArray[np.float64], ends: NDArray[np.float64], longest: int, count: int
) -> list[tuple[int, int, float]]:
    """Return the likeliest pairs of a first and a last token, at most `longest` tokens apart."""
    size = len(begins)
    pairs = np.full((min(longest, size), size), -np.inf)
    for more in range(len(pairs)):
        pairs[more, : size - more] = begins[: size - more] + ends[more:]
    flat = pairs.ravel()
    kept = (
        np.argpartition(-flat, min(count, len(flat) - 1))[:count] if len(flat) > count else range(len(flat))
    )
    return [
        (int(each % size), int(each % size + each // size), float(flat[each]))
        for each in kept
        if np.isfinite(flat[each])
    ]


def shares(logits: Sequence[float]) -> list[float]:
    """Return logits as probabilities that add up to 1.

    >>> shares([0.0, 0.0])
    [0.5, 0.5]
    """
    raised = np.exp(np.asarray(logits, dtype=np.float64) - max(logits))
    return [float(each) for each in raised / raised.sum()]
