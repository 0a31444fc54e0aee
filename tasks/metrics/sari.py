"""SARI: how well a simplification keeps, deletes and adds words, beside its source and references.

Source: Xu et al. (2016), Optimizing Statistical Machine Translation for Text Simplification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.statistics import Sums
from tasks.metrics.texts import References, several
from tasks.metrics.tokenizers import tokenizer

Counts = Counter[tuple[str, ...]]
_ORDERS = range(1, 5)


def sari(
    predictions: Sequence[str], references: References, sources: Sequence[str] | None = None
) -> Measurement:
    """SARI from 0 to 100: the mean of F1 of kept and added n-grams and the precision of deleted ones.

    Key: `sari`, the mean over rows. Texts are lowered and cut by sacrebleu's `13a`. Nothing to keep, add or
    delete counts as done rightly. Reference: HF evaluate's `sari`.

    Args:
        predictions: One simplification a row.
        references: One right simplification a row, or a list of them.
        sources: The text each row simplifies; must be given.

    Raises:
        BadEvaluation: There are no sources, or rows do not pair up.
    """
    if sources is None:
        raise BadEvaluation("SARI needs the texts that were simplified: give sources.")
    rows = several(predictions, references)
    if len(sources) != len(rows):
        raise BadEvaluation(f"There are {len(sources)} sources and {len(rows)} rows; SARI needs one of each.")
    for place, source in enumerate(sources):
        if not isinstance(source, str):
            raise BadEvaluation(f"The source of row {place} is not text but {type(source).__name__}.")
    values = np.ones((len(rows), 2))
    for place, (source, text, row) in enumerate(zip(sources, predictions, rows, strict=True)):
        values[place, 0] = _score(_cut(source), _cut(text), [_cut(each) for each in row])
    return Measurement(
        Sums(values),
        lambda totals: {"sari": 100 * over(totals[..., 0], totals[..., 1], np.nan)},
        {"sari": True},
    )


def _cut(text: str) -> list[str]:
    return tokenizer("13a")(text.lower()).split(" ")


def _counted(tokens: Sequence[str], order: int) -> Counts:
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def _score(source: Sequence[str], text: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return a row's SARI, 0 to 1."""
    total = 0.0
    for order in _ORDERS:
        wanted: Counts = Counter()
        for each in references:
            wanted.update(_counted(each, order))
        before, after = _counted(source, order), _counted(text, order)
        total += (
            _kept(before, after, wanted, len(references))
            + _deleted(before, after, wanted, len(references))
            + _added(before, after, wanted)
        )
    return total / (3 * len(_ORDERS))


def _times(counts: Counts, many: int) -> Counts:
    """Count as many times over, so that one text weighs as much as all references."""
    return Counter({gram: count * many for gram, count in counts.items()})


def _kept(before: Counts, after: Counts, wanted: Counts, many: int) -> float:
    kept = _times(before & after, many)
    rightly = kept & wanted
    keepable = _times(before, many) & wanted
    precision = sum(count / kept[gram] for gram, count in rightly.items()) / len(kept) if kept else 1.0
    recall = rightly.total() / keepable.total() if keepable else 1.0
    return _f1(precision, recall)


def _deleted(before: Counts, after: Counts, wanted: Counts, many: int) -> float:
    deleted = _times(before, many) - _times(after, many)
    rightly = deleted - wanted
    return sum(count / deleted[gram] for gram, count in rightly.items()) / len(deleted) if deleted else 1.0


def _added(before: Counts, after: Counts, wanted: Counts) -> float:
    added, addable = after.keys() - before.keys(), wanted.keys() - before.keys()
    rightly = len(added & addable)
    return _f1(rightly / len(added) if added else 1.0, rightly / len(addable) if addable else 1.0)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
