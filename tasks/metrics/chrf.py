"""chrF: F-score of character n-grams (and of words, chrF++), pooled over all rows.

Source: Popović (2015), chrF: character n-gram F-score for automatic MT evaluation; Popović (2017), chrF++.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Laid, Numbers, laid, laid_characters, matched
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, Sums
from tasks.metrics.texts import References, best_of, paired_off, several

_NOTHING = 1e-16
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def chrf(
    predictions: Sequence[str],
    references: References,
    char_order: int = 6,
    word_order: int = 0,
    beta: int = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> Measurement:
    """chrF from 0 to 100: the F-score of character n-grams, which needs no tokeniser and fits any script.

    Key: `chrf`, with a + for each word order (`chrf++` for `word_order=2`), sacrebleu's signature as a tag.
    Each row's best reference counts. Reference: sacrebleu.corpus_chrf.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        char_order: The longest n-gram of characters.
        word_order: The longest n-gram of words; 2 makes it chrF++.
        beta: How much more recall counts than precision.
        lowercase: Ignore case.
        whitespace: Count spaces as characters.
        eps_smoothing: Average F-scores over orders, as the first implementation did.

    Raises:
        BadEvaluation: There are no n-grams to count, or rows do not pair up.
    """
    if char_order < 0 or word_order < 0 or not char_order + word_order or beta <= 0:
        raise BadEvaluation(
            "chrF counts n-grams of characters or words with a beta above 0, and not "
            f"{char_order} and {word_order} with {beta}."
        )
    rows = several(predictions, references)
    row_of = paired_off(rows)
    given = [text.lower() if lowercase else text for text in predictions]
    wanted = [text.lower() if lowercase else text for row in rows for text in row]
    orders = char_order + word_order
    counts = np.zeros((len(wanted), 3 * orders))
    if char_order:
        one, other = (
            laid_characters(side if whitespace else ["".join(text.split()) for text in side])
            for side in (given, wanted)
        )
        _count(counts[:, : 3 * char_order], one.taken(row_of), other, char_order)
    if word_order:
        numbers = Numbers()
        first, second = (laid([words(text) for text in side], numbers) for side in (given, wanted))
        _count(counts[:, 3 * char_order :], first.taken(row_of), second, word_order)

    def value(totals: FloatArray) -> FloatArray:
        return _f_score(totals, beta, eps_smoothing)

    key = "chrf" + "+" * word_order
    signature = _signature(rows, char_order, word_order, lowercase, whitespace, eps_smoothing)
    return Measurement(
        Sums(counts[best_of(value(counts), row_of)]),
        lambda totals: {key: value(totals)},
        {key: True},
        tags={f"{key}_signature": signature},
    )


def words(text: str) -> list[str]:
    """Cut a text into words for chrF++: one mark is split off a word's end, else off its start.

    >>> words("(hi) you, a")
    ['(hi', ')', 'you', ',', 'a']
    """
    found = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def _count(into: FloatArray, given: Laid, wanted: Laid, most: int) -> None:
    """Fill in n-grams given, wanted and in both, order by order; none are given where none are wanted."""
    orders = range(1, most + 1)
    into[:, 1::3] = wanted.totals(orders)
    into[:, 0::3] = np.where(into[:, 1::3] > 0, given.totals(orders), 0.0)
    into[:, 2::3] = matched(given, [wanted], most)


def _f_score(totals: FloatArray, beta: float, smoothed: bool) -> FloatArray:
    """Return F in percent from n-grams given, wanted and in both."""
    given, wanted, both = totals[..., 0::3], totals[..., 1::3], totals[..., 2::3]
    factor = beta**2
    precision, recall = over(both, given, _NOTHING), over(both, wanted, _NOTHING)
    if smoothed:
        each = over((1 + factor) * precision * recall, factor * precision + recall, _NOTHING)
        return np.asarray(100 * each.sum(axis=-1) / totals.shape[-1] * 3)
    counted = (given > 0) & (wanted > 0)
    orders = counted.sum(axis=-1)
    mean_precision = over(np.where(counted, precision, 0.0).sum(axis=-1), orders)
    mean_recall = over(np.where(counted, recall, 0.0).sum(axis=-1), orders)
    return 100 * over((1 + factor) * mean_precision * mean_recall, factor * mean_precision + mean_recall)


def _signature(
    rows: Sequence[Sequence[str]],
    char_order: int,
    word_order: int,
    lowercase: bool,
    whitespace: bool,
    eps_smoothing: bool,
) -> str:
    from sacrebleu.metrics.chrf import CHRF

    reference = CHRF(
        char_order=char_order,
        word_order=word_order,
        lowercase=lowercase,
        whitespace=whitespace,
        eps_smoothing=eps_smoothing,
    )
    counts = {len(row) for row in rows}
    reference.num_refs = counts.pop() if len(counts) == 1 else -1
    return str(reference.get_signature())
