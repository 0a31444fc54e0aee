"""Longest common subsequences of token sequences, as ROUGE's summary score takes their union.

The table of lengths is kept as one bit-vector a row (Hyyrö, 2004): a bit says where a row's length grows. The
way back through the table is the one rouge_score takes, since other ways find other subsequences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

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
    if not kept:
        return []
    full = (1 << width) - 1
    still = full
    table = [0]
    for _, match in kept:
        both = still & match
        still = ((still + both) | (still - both)) & full
        table.append(full ^ still)
    found = []
    row, column = len(kept), width
    grown, before = table[row], table[row - 1]
    while True:
        place, match = kept[row - 1]
        bit = 1 << (column - 1)
        if match & bit:
            found.append(place)
            row -= 1
            column -= 1
            if not row or not column:
                return found
            grown, before = table[row], table[row - 1]
            continue
        below = (bit << 1) - 1
        if not grown & bit and (grown & below).bit_count() > (before & below).bit_count():
            column -= 1
            if not column:
                return found
        else:
            row -= 1
            if not row:
                return found
            grown, before = before, table[row - 1]


def union_hits(reference: Sequence[Sequence[Hashable]], candidate: Sequence[Sequence[Hashable]]) -> int:
    """Return how many reference tokens are in the union of subsequences, each counted as often as in both.

    >>> union_hits(["abcde"], ["abfg", "achi"])
    3
    """
    if len(reference) == len(candidate) == 1:
        return LCSseq.similarity(reference[0], candidate[0])
    left = Counter(token for sentence in candidate for token in sentence)
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
