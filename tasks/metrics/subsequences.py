"""Longest common subsequences of token sequences, as ROUGE's summary score takes their union.

The table of lengths is kept as one bit-vector a row (Hyyrö, 2004): a bit says where a row's length grows. The
way back through the table is the one rouge_score takes, since other ways find other subsequences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import chain

from rapidfuzz.distance import LCSseq


def places(candidate: Sequence[Hashable]) -> dict[Hashable, int]:
    """Return where each token stands, as bits.

    >>> places("aba")
    {'a': 5, 'b': 2}
    """
    found: dict[Hashable, int] = {}
    bit = 1
    for token in candidate:
        found[token] = found.get(token, 0) | bit
        bit <<= 1
    return found


def subsequence(reference: Sequence[Hashable], where: dict[Hashable, int], width: int) -> list[int]:
    """Return positions in the reference of one longest common subsequence, last first.

    Args:
        reference: Tokens.
        where: The candidate's `places`.
        width: The candidate's length.

    >>> subsequence("abcd", places("bxd"), 3)
    [3, 1]
    """
    # A token the candidate lacks repeats the row above it, and the way back steps over it.
    kept = [(place, where[token]) for place, token in enumerate(reference) if token in where]
    if len(kept) < 2:
        return [place for place, _ in kept]
    full = (1 << width) - 1
    still = full
    table = [0]
    for _, match in kept:
        both = still & match
        still = ((still + both) | (still - both)) & full
        table.append(full ^ still)
    found = []
    column = width
    for row in range(len(kept), 0, -1):
        place, match = kept[row - 1]
        left = (1 << column) - 1
        # The way goes left while this row is ahead of the one above it, and that ends at a match; else up.
        here = match & left
        if here >> (column - 1) or (table[row] & left).bit_count() > (table[row - 1] & left).bit_count():
            found.append(place)
            column = here.bit_length() - 1
            if not column:
                break
    return found


def union_hits(reference: Sequence[Sequence[Hashable]], candidate: Sequence[Sequence[Hashable]]) -> int:
    """Return how many reference tokens are in the union of subsequences, each counted as often as in both.

    >>> union_hits(["abcde"], ["abfg", "achi"])
    3
    """
    if len(reference) == len(candidate) == 1:
        return LCSseq.similarity(reference[0], candidate[0])
    left = Counter(chain.from_iterable(candidate))
    others = [(places(sentence), len(sentence)) for sentence in candidate]
    hits = 0
    for sentence in reference:
        shared: set[int] = set()
        for where, width in others:
            shared.update(subsequence(sentence, where, width))
        for place in sorted(shared):
            token = sentence[place]
            if left[token] > 0:
                left[token] -= 1
                hits += 1
    return hits
