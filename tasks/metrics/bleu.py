"""BLEU: clipped n-gram precision with a brevity penalty, pooled over all rows.

Source: Papineni, Roukos, Ward and Zhu (2002), BLEU: a Method for Automatic Evaluation of Machine Translation;
Chen and Cherry (2014) for the smoothing methods; Post (2018) for signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Laid, Numbers, laid, matched, slots_of
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, IntArray, Sums
from tasks.metrics.texts import References, Tokenize, several
from tasks.metrics.tokenizers import cutter, noted
from tasks.metrics.tokenizers import tokenizer as named_tokenizer

SMOOTHING: Mapping[str, float | None] = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}
"""Smoothing methods with their default values."""


def bleu(
    predictions: Sequence[str],
    references: References,
    tokenizer: str | Tokenize = "13a",
    max_order: int = 4,
    smooth: bool = False,
) -> Measurement:
    """BLEU from 0 to 1: the geometric mean of n-gram precisions, less for what is too short.

    Key: `bleu`; precisions, brevity penalty and lengths are in the `bleu` table. The shortest reference of a
    row gives its length (sacrebleu takes the closest). Without smoothing it is 0 when no n-gram of some order
    matches, as for a corpus of texts under four tokens. Reference: HF evaluate's `bleu`.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        tokenizer: A name as of `sacrebleu`, or a function from a text to its tokens. `13a` is wrong for
            scripts without spaces.
        max_order: The longest n-gram.
        smooth: Add one to matches and totals (Lin and Och, 2004).

    Raises:
        BadEvaluation: The references are all empty, or rows do not pair up.
    """
    cut = cutter(tokenizer)
    rows = several(predictions, references)
    values, _, slots = _statistics(predictions, rows, cut, _positive(max_order))
    there = np.array([[slot < len(row) for row in rows] for slot in range(len(slots))])
    lengths = np.array([each.lengths for each in slots])
    values[:, 1] = np.where(there, lengths, np.iinfo(np.int64).max).min(axis=0)
    if not values[:, 1].sum():
        raise BadEvaluation("Every reference is empty, so BLEU is not defined.")

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        given, wanted, right, every = _parts(totals, max_order)
        extra = 1.0 if smooth else 0.0
        precision = over(right + extra, every + extra)
        with np.errstate(divide="ignore"):
            mean = np.exp(np.log(precision).mean(axis=-1))
            value = mean * np.exp(np.minimum(0.0, 1 - over(wanted, given, np.inf)))
        return {"bleu": np.where(wanted > 0, value, np.nan)}

    return Measurement(
        Sums(values),
        score,
        {"bleu": True},
        details=_details("bleu", values.sum(axis=0), max_order),
        tags={
            "bleu_tokenizer": tokenizer if isinstance(tokenizer, str) else "given",
            **noted("bleu", tokenizer, chain.from_iterable(rows)),
        },
    )


def sacrebleu(
    predictions: Sequence[str],
    references: References,
    smooth_method: Literal["exp", "floor", "add-k", "none"] = "exp",
    smooth_value: float | None = None,
    force: bool = False,
    lowercase: bool = False,
    tokenize: str | None = None,
    use_effective_order: bool = False,
) -> Measurement:
    """BLEU from 0 to 100 as sacrebleu computes it, with its signature as a tag.

    Key: `sacrebleu`; precisions, brevity penalty and lengths are in the `sacrebleu` table. The reference
    closest in length gives a row's length. Rows may have different numbers of references. Reference:
    sacrebleu.corpus_bleu.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        smooth_method: What a precision of 0 becomes: `exp` (NIST's), `floor`, `add-k`, `none`.
        smooth_value: The value of `floor` (0.1) and `add-k` (1).
        force: Taken as sacrebleu takes it: without it, texts that look tokenised already are only noted.
        lowercase: Ignore case.
        tokenize: `13a` (the default), `intl`, `zh`, `char`, `none`, `ja-mecab`, `ko-mecab`, `flores101`,
            `flores200`; the last four need sacrebleu's extras. `13a` is wrong for scripts without spaces.
        use_effective_order: Leave out orders longer than any prediction; for scores of single texts.
    """
    if smooth_method not in SMOOTHING:
        raise unknown("smoothing method", smooth_method, SMOOTHING)
    cut = named_tokenizer(tokenize or "13a")
    rows = several(predictions, references)

    def prepared(text: str) -> list[str]:
        return cut((text.lower() if lowercase else text).rstrip()).split()

    values, hypotheses, slots = _statistics(predictions, rows, prepared, 4)
    values[:, 1] = _closest(hypotheses.lengths, slots, rows)
    value = SMOOTHING[smooth_method] if smooth_value is None else smooth_value

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        given, wanted, right, every = _parts(totals, 4)
        brevity = np.exp(np.minimum(0.0, 1 - over(wanted, given, np.inf)))
        brevity = np.where(given >= wanted, 1.0, brevity)
        mean = _smoothed(right, every, smooth_method, value or 0.0, use_effective_order)
        return {"sacrebleu": np.where((right > 0).any(axis=-1), brevity * mean, 0.0)}

    tags = {
        "sacrebleu_signature": _signature(
            rows, lowercase, tokenize, smooth_method, smooth_value, use_effective_order
        )
    }
    tags |= noted("sacrebleu", tokenize or "13a", chain.from_iterable(rows))
    if not force and sum(text.endswith(" .") for text in predictions) >= 100:
        tags["sacrebleu_force"] = "100 predictions or more end in ' .', as if they were tokenised"
    details = _details("sacrebleu", values.sum(axis=0), 4)
    return Measurement(Sums(values), score, {"sacrebleu": True}, details=details, tags=tags)


def _positive(order: int) -> int:
    if order < 1:
        raise BadEvaluation(f"The longest n-gram has 1 token or more, and {order} was given.")
    return order


def _statistics(
    predictions: Sequence[str],
    rows: Sequence[Sequence[str]],
    cut: Callable[[str], Sequence[str]],
    most: int,
) -> tuple[FloatArray, Laid, list[Laid]]:
    """Return lengths (the second is left at 0), matches and n-grams of each row, and the texts as numbers."""
    numbers = Numbers()
    hypotheses = laid([cut(text) for text in predictions], numbers)
    slots = slots_of([[cut(text) for text in row] for row in rows], numbers)
    values = np.zeros((len(rows), 2 + 2 * most))
    values[:, 0] = hypotheses.lengths
    values[:, 2 : 2 + most] = matched(hypotheses, slots, most)
    values[:, 2 + most :] = hypotheses.totals(range(1, most + 1))
    return values, hypotheses, slots


def _closest(lengths: IntArray, slots: Sequence[Laid], rows: Sequence[Sequence[str]]) -> IntArray:
    """Return the reference length closest to each prediction's; the shorter of two as close."""
    there = np.array([[slot < len(row) for row in rows] for slot in range(len(slots))])
    options = np.array([each.lengths for each in slots])
    distance = np.abs(options - lengths) * (options.max() + 1) + options
    chosen = np.where(there, distance, np.iinfo(np.int64).max).argmin(axis=0)
    return np.asarray(options[chosen, np.arange(len(rows))])


def _parts(totals: FloatArray, most: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    return totals[..., 0], totals[..., 1], totals[..., 2 : 2 + most], totals[..., 2 + most :]


def _smoothed(right: FloatArray, every: FloatArray, method: str, value: float, effective: bool) -> FloatArray:
    """Return the geometric mean of precisions in percent, what is 0 smoothed."""
    if method == "add-k":
        later = np.arange(right.shape[-1]) > 0
        right, every = right + value * later, every + value * later
    reached = np.logical_and.accumulate(every > 0, axis=-1)
    divisor = every
    if method == "exp":
        divisor = every * 2.0 ** np.cumsum(reached & (right == 0), axis=-1)
    instead = {"exp": 1.0, "floor": value}.get(method, 0.0)
    precision = 100 * over(np.where(right > 0, right, instead), np.where(right > 0, every, divisor))
    counted = reached if effective else np.ones_like(reached)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(reached, np.log(precision), -np.inf)
        total = np.where(counted, logarithm, 0.0).sum(axis=-1)
        return np.asarray(np.exp(total / np.maximum(counted.sum(axis=-1), 1)))


def _details(name: str, totals: FloatArray, most: int) -> dict[str, list[dict[str, object]]]:
    given, wanted, right, every = _parts(totals, most)
    rows: list[dict[str, object]] = [
        {
            "order": n + 1,
            "matched": int(right[n]),
            "total": int(every[n]),
            "precision": float(over(right[n], every[n])),
        }
        for n in range(most)
    ]
    brevity = 1.0 if given >= wanted else float(np.exp(1 - wanted / given)) if given else 0.0
    lengths: dict[str, object] = {
        "prediction_length": int(given),
        "reference_length": int(wanted),
        "brevity_penalty": brevity,
    }
    return {name: rows, f"{name}_lengths": [lengths]}


def _signature(
    rows: Sequence[Sequence[str]],
    lowercase: bool,
    tokenize: str | None,
    method: str,
    value: float | None,
    effective: bool,
) -> str:
    from sacrebleu.metrics.bleu import BLEU

    reference = BLEU(
        lowercase=lowercase,
        tokenize=tokenize or "13a",
        smooth_method=method,
        smooth_value=value,
        effective_order=effective,
    )
    counts = {len(row) for row in rows}
    reference.num_refs = counts.pop() if len(counts) == 1 else -1
    return str(reference.get_signature())
