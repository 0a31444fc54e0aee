"""Google BLEU (GLEU): the smaller of n-gram precision and recall, pooled over all rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Numbers, laid, matched
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, Sums
from tasks.metrics.texts import References, Tokenize, best_of, paired_off, several
from tasks.metrics.tokenizers import cutter, noted


def google_bleu(
    predictions: Sequence[str],
    references: References,
    tokenizer: str | Tokenize = "13a",
    min_len: int = 1,
    max_len: int = 4,
) -> Measurement:
    """Google BLEU, 0 to 1: matching n-grams by those of the longer text, each row's best reference, pooled.

    Key: `google_bleu`. Symmetrical, and fit for single sentences. Source: Wu et al. (2016), Google's Neural
    Machine Translation System. Reference: HF evaluate's `google_bleu`, which is nltk's corpus_gleu.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        tokenizer: A name as of `sacrebleu`, or a function from a text to its tokens.
        min_len: The shortest n-gram.
        max_len: The longest n-gram.

    Raises:
        BadEvaluation: The lengths of n-grams are not in order, or rows do not pair up.
    """
    if not 1 <= min_len <= max_len:
        raise BadEvaluation(f"N-grams have from 1 token upwards, and not from {min_len} to {max_len}.")
    cut = cutter(tokenizer)
    rows = several(predictions, references)
    row_of = paired_off(rows)
    numbers = Numbers()
    wanted = laid([cut(text) for row in rows for text in row], numbers)
    given = laid([cut(text) for text in predictions], numbers).taken(row_of)
    orders = range(min_len, max_len + 1)
    right = matched(given, [wanted], max_len)[:, min_len - 1 :].sum(axis=1)
    every = np.maximum(given.totals(orders).sum(axis=1), wanted.totals(orders).sum(axis=1))
    ratio = np.where(every > 0, over(right, every), -1.0)
    values = np.stack([right, every], axis=1)[best_of(ratio, row_of)]

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {"google_bleu": over(totals[..., 0], totals[..., 1])}

    return Measurement(
        Sums(values),
        score,
        {"google_bleu": True},
        tags=noted("google_bleu", tokenizer, chain.from_iterable(rows)),
    )
