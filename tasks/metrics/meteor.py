"""METEOR: words matched exactly, by stem and by synonym, with a penalty for being scattered.

Source: Lavie and Agarwal (2007), METEOR: An Automatic Metric for MT Evaluation with High Levels of
Correlation with Human Judgments. Reference implementation: nltk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.statistics import Sums
from tasks.metrics.stems import stem
from tasks.metrics.texts import References, several

Synonyms = Callable[[str], Iterable[str]]
Words = list[tuple[int, str]]
"""Words that are not matched yet, each with its position."""


def meteor(
    predictions: Sequence[str],
    references: References,
    alpha: float = 0.9,
    beta: float = 3.0,
    gamma: float = 0.5,
    synonyms: bool = True,
    sentences: bool = True,
) -> Measurement:
    """METEOR, 0 to 1: the mean over rows of matched words' harmonic mean, less for matches out of order.

    Key: `meteor`, or `meteor_exact_stem` without synonyms: not the same score. Each row's best reference
    counts. English only. Reference: HF evaluate's `meteor`, which is nltk's.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        alpha: How much recall counts beside precision.
        beta: How steeply the penalty grows with scattered matches.
        gamma: The largest penalty.
        synonyms: Match WordNet's synonyms too; needs its data.
        sentences: Split sentences before words, as HF does; needs the data of nltk's sentence splitter.
            Without it, full stops inside a text stay with their words.

    Raises:
        BadEvaluation: nltk's data are not there, or rows do not pair up.
    """
    rows = several(predictions, references)
    wordnet = _wordnet() if synonyms else None
    values = np.ones((len(rows), 2))
    for place, (text, row) in enumerate(zip(predictions, rows, strict=True)):
        given = _cut(text, sentences)
        values[place, 0] = max(
            score(given, _cut(each, sentences), wordnet, alpha, beta, gamma) for each in row
        )
    key = "meteor" if synonyms else "meteor_exact_stem"
    return Measurement(
        Sums(values),
        lambda totals: {key: over(totals[..., 0], totals[..., 1], np.nan)},
        {key: True},
        tags={f"{key}_sentences": "split" if sentences else "not split"},
    )


def score(
    given: Sequence[str],
    wanted: Sequence[str],
    synonyms: Synonyms | None,
    alpha: float,
    beta: float,
    gamma: float,
) -> float:
    """Return METEOR of one text's words against one reference's.

    >>> round(score(["the", "cats", "sat"], ["the", "cat", "sat"], None, 0.9, 3.0, 0.5), 3)
    0.981
    """
    matches = sorted(_matches(given, wanted, synonyms))
    if not matches:
        return 0.0
    precision, recall = len(matches) / len(given), len(matches) / len(wanted)
    mean = precision * recall / (alpha * precision + (1 - alpha) * recall)
    chunks = 1 + sum(
        here[0] != before[0] + 1 or here[1] != before[1] + 1 for before, here in pairwise(matches)
    )
    return float((1 - gamma * (chunks / len(matches)) ** beta) * mean)


def _matches(given: Sequence[str], wanted: Sequence[str], synonyms: Synonyms | None) -> list[tuple[int, int]]:
    """Match words: the same ones, then those of one stem, then stems that are synonyms, as nltk does."""
    left = [(place, word.lower()) for place, word in enumerate(given)]
    there = [(place, word.lower()) for place, word in enumerate(wanted)]
    found, left, there = _stage(left, there, lambda word: (word,))
    left, there = ([(place, stem(word)) for place, word in side] for side in (left, there))
    more, left, there = _stage(left, there, lambda word: (word,))
    found += more
    if synonyms is not None:
        found += _stage(left, there, lambda word: {word, *synonyms(word)})[0]
    return found


def _stage(left: Words, there: Words, means: Synonyms) -> tuple[list[tuple[int, int]], Words, Words]:
    """Match from the last word back, each with the last word of the reference that fits."""
    where: dict[str, list[int]] = defaultdict(list)
    for place, word in there:
        where[word].append(place)
    found, kept = [], []
    for place, word in reversed(left):
        fitting = [where[each] for each in means(word) if where.get(each)]
        if not fitting:
            kept.append((place, word))
            continue
        found.append((place, max(fitting, key=lambda places: places[-1]).pop()))
    taken = {place for _, place in found}
    return found, kept[::-1], [(place, word) for place, word in there if place not in taken]


def _cut(text: str, sentences: bool) -> list[str]:
    from nltk.tokenize import word_tokenize

    try:
        return list(word_tokenize(text, preserve_line=not sentences))
    except LookupError as problem:
        raise BadEvaluation(
            "METEOR splits sentences with nltk's data, which are not there: "
            "python -m nltk.downloader punkt_tab, or set sentences to false."
        ) from problem


def _wordnet() -> Synonyms:
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError as problem:
        raise BadEvaluation(
            "METEOR matches synonyms with WordNet's data, which are not there: "
            "python -m nltk.downloader wordnet omw-1.4, or set synonyms to false."
        ) from problem

    @lru_cache(maxsize=2**16)
    def synonyms(word: str) -> frozenset[str]:
        names = (lemma.name() for synset in wordnet.synsets(word) for lemma in synset.lemmas())
        return frozenset(name for name in names if "_" not in name)

    return synonyms
