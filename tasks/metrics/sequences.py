"""Tag sequences: entity precision, recall and F1 as seqeval computes them.

Source: the CoNLL-2000 evaluation script (conlleval). Reference implementation: seqeval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, IntArray, Sums

TagSequences = Sequence[Sequence[str]]
OUTSIDE = "O"


@dataclass(frozen=True)
class Entities:
    """Entities found in tag sequences laid end to end, each array of shape (entities,).

    Attributes:
        start: Position of the first token.
        stop: Position after the last token.
        kind: Number of the entity type.
    """

    start: IntArray
    stop: IntArray
    kind: IntArray


def entities(sequences: TagSequences, kinds: dict[str, int]) -> Entities:
    """Find entities by conlleval's rules, lenient about how an entity begins.

    Args:
        sequences: Tags, as B-PER or NOUN, one list a row.
        kinds: Numbers of the entity types; types met for the first time are added.

    Positions count every token and one gap after each row, so that no entity crosses rows.

    >>> kinds: dict[str, int] = {}
    >>> found = entities([["B-PER", "I-PER", "O", "I-LOC"]], kinds)
    >>> list(zip(found.start.tolist(), found.stop.tolist())), kinds
    ([(0, 2), (3, 4)], {'PER': 0, 'LOC': 1})
    """
    known: dict[str, tuple[int, int]] = {}
    tags = [tag for sequence in sequences for tag in (*sequence, OUTSIDE)]
    for tag in dict.fromkeys(tags):
        mark = tag[:1]
        kind = tag[1:].split("-", 1)[-1] or "_"
        known[tag] = (
            ord(mark) if mark else 0,
            -1 if mark == OUTSIDE else kinds.setdefault(kind, len(kinds)),
        )
    if not tags:
        nothing = np.zeros(0, dtype=np.int64)
        return Entities(nothing, nothing, nothing)
    marks, types = np.array([known[tag] for tag in tags], dtype=np.int64).T
    before_mark, before_type = np.roll(marks, 1), np.roll(types, 1)
    before_mark[0], before_type[0] = ord(OUTSIDE), -1

    inside, was_inside = types >= 0, before_type >= 0
    changed = types != before_type
    after_closed = np.isin(before_mark, [ord("E"), ord("S"), ord(OUTSIDE)])
    starts = (
        np.isin(marks, [ord("B"), ord("S")])
        | (after_closed & np.isin(marks, [ord("E"), ord("I")]))
        | (inside & changed)
    )
    ends = was_inside & (
        np.isin(before_mark, [ord("E"), ord("S")])
        | (np.isin(before_mark, [ord("B"), ord("I")]) & np.isin(marks, [ord("B"), ord("S"), ord(OUTSIDE)]))
        | changed
    )
    stop = np.flatnonzero(ends)
    began = np.maximum.accumulate(np.where(starts, np.arange(len(marks)), 0))
    return Entities(began[stop - 1], stop, types[stop - 1])


def seqeval(predictions: TagSequences, references: TagSequences) -> Measurement:
    """Entity F1, precision and recall over all types, and token accuracy, 0 to 1.

    Keys: `seqeval_f1`, `seqeval_precision`, `seqeval_recall`, `seqeval_accuracy`; per entity type in the
    `per_type` table. An entity counts when type, first and last token are all right. Unfit for parts of
    speech, where neighbouring words of one tag would be taken for one entity. Reference: seqeval in its
    default (conlleval) mode.

    Raises:
        BadEvaluation: A row has more predicted tags than right ones, or fewer; there are no tokens.
    """
    check_lengths(predictions, references)
    lengths = np.array([len(row) for row in references], dtype=np.int64)
    for number, (given, wanted) in enumerate(zip(predictions, references, strict=True)):
        if len(given) != len(wanted):
            raise BadEvaluation(f"Row {number} has {len(given)} predicted tags and {len(wanted)} right ones.")
    if not lengths.sum():
        raise BadEvaluation("There are no tokens to score.")
    kinds: dict[str, int] = {}
    right = entities(references, kinds)
    predicted = entities(predictions, kinds)
    row_of = np.repeat(np.arange(len(lengths)), lengths + 1)
    types = len(kinds)
    values = np.zeros((len(lengths), 3 * types + 2))
    tokens = len(row_of) + 1

    def code(found: Entities) -> IntArray:
        return (found.kind * tokens + found.start) * tokens + found.stop

    hits = np.isin(code(predicted), code(right))
    for offset, found, kept in (
        (0, predicted, hits),
        (types, predicted, np.ones(len(predicted.start), dtype=np.bool_)),
        (2 * types, right, np.ones(len(right.start), dtype=np.bool_)),
    ):
        np.add.at(values, (row_of[found.start[kept]], offset + found.kind[kept]), 1.0)
    values[:, -2] = [
        sum(map(str.__eq__, one, other)) for one, other in zip(predictions, references, strict=True)
    ]
    values[:, -1] = lengths
    statistics = Sums(values)
    names = sorted(kinds, key=lambda name: name)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        found = (totals[..., i * types : (i + 1) * types].sum(-1) for i in range(3))
        hit, given, there = found
        return {
            "seqeval_f1": _ratio(2 * hit, given + there),
            "seqeval_precision": _ratio(hit, given),
            "seqeval_recall": _ratio(hit, there),
            "seqeval_accuracy": _ratio(totals[..., -2], totals[..., -1]),
        }

    details = [_detail(name, kinds[name], types, statistics.total()) for name in names]
    keys = ("seqeval_f1", "seqeval_precision", "seqeval_recall", "seqeval_accuracy")
    return Measurement(statistics, score, dict.fromkeys(keys, True), details={"per_type": details})


def _detail(name: str, kind: int, types: int, totals: FloatArray) -> dict[str, object]:
    hit, given, there = (totals[offset * types + kind] for offset in range(3))
    return {
        "label": name,
        "precision": float(_ratio(hit, given)),
        "recall": float(_ratio(hit, there)),
        "f1": float(_ratio(2 * hit, given + there)),
        "support": int(there),
    }


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; nothing by nothing is 0, as in the reference implementation."""
    above, below = np.asarray(above), np.asarray(below)
    return np.divide(above, below, out=np.zeros(below.shape), where=below != 0)
