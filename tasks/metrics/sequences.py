"""Tag sequences: entity precision, recall and F1 as seqeval computes them.

Source: the CoNLL-2000 evaluation script (conlleval). Reference implementation: seqeval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Laid, Numbers, laid
from tasks.metrics.ratios import over
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, IntArray, Sums
from tasks.metrics.tag_schemes import SCHEMES, Pairs, lenient, split
from tasks.metrics.tag_schemes import strict as strict_pairs

TagSequences = Sequence[Sequence[str]]
ZeroDivision = Literal["warn", 0, 1]
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


def entities(tags: IntArray, pairs: Pairs) -> Entities:
    """Find entities in tags by number, rows already parted by a tag outside of any."""
    before = np.append(np.int64(pairs.begins.shape[0] - 1), tags[:-1])
    cell = before * pairs.begins.shape[1] + tags
    begins = pairs.begins.ravel()[cell]
    ends = pairs.ends.ravel()[cell]
    places = np.arange(len(tags))
    if pairs.goes_on is None:
        stop = np.flatnonzero(ends)
        began = np.maximum.accumulate(np.where(begins, places, 0))
        return Entities(began[stop - 1], stop, pairs.types[tags[stop - 1]])
    goes_on = pairs.goes_on.ravel()[cell]
    # The last token that begins an entity or breaks one off decides whether those after it are inside.
    decided = np.maximum.accumulate(np.where(begins | ~goes_on, places, 0))
    inside = begins[decided]
    taken = goes_on & np.append(False, inside[:-1])
    start = np.flatnonzero(begins & ~taken)
    over_at = np.flatnonzero(~taken)
    stop = over_at[np.searchsorted(over_at, start, side="right")]
    whole = ends[stop]
    start, stop = start[whole], stop[whole]
    return Entities(start, stop, pairs.types[tags[start]])


def seqeval(
    predictions: TagSequences,
    references: TagSequences,
    suffix: bool = False,
    scheme: str | None = None,
    mode: Literal["strict"] | None = None,
    zero_division: ZeroDivision = 0,
) -> Measurement:
    """Entity F1, precision and recall over all types, and token accuracy, 0 to 1.

    Keys: `seqeval_f1`, `seqeval_precision`, `seqeval_recall`, `seqeval_accuracy`, or `seqeval_strict_f1` and
    so on in strict mode; per entity type in the `per_type` table. An entity counts when type, first and last
    token are all right. Unfit for parts of speech, where neighbouring words of one tag would be taken for one
    entity: use `poseval`. Reference: seqeval.

    Args:
        predictions: Tags, as B-PER, a list for each row.
        references: The right tags.
        suffix: Tags end in their mark, as PER-B.
        scheme: `IOB1`, `IOB2`, `IOE1`, `IOE2`, `IOBES` or `BILOU`; for strict mode only.
        mode: None for conlleval's rules, which forgive how an entity begins; `strict` for a scheme's.
        zero_division: What nothing by nothing is; `warn` is 0.

    Raises:
        BadEvaluation: A row has more predicted tags than right ones, or fewer; there are no tokens; a tag is
            not of the scheme; there is a scheme without strict mode (seqeval then ignores it) or the reverse.
        UnknownName: There is no such scheme or mode.
    """
    chosen = _chosen(scheme, mode)
    numbers = Numbers()
    given, wanted = laid_tags(predictions, references, numbers)
    outside = numbers[OUTSIDE]
    tags = [str(tag) for tag in numbers]
    marks, named = split(list(numbers), suffix, chosen is not None)
    names = sorted(set(named))
    types = np.array([names.index(name) for name in named], dtype=np.int64)
    pairs = strict_pairs(chosen, tags, marks, types) if chosen else lenient(marks, types)
    right, predicted = (entities(_parted(side, outside), pairs) for side in (wanted, given))
    rows = len(wanted.lengths)
    row_of = np.repeat(np.arange(rows), wanted.lengths + 1)
    # No two entities of one side end at the same token.
    started = np.full((2, len(row_of) + 1), -1, dtype=np.int64)
    started[:, right.stop] = right.start, right.kind
    hits = (started[0, predicted.stop] == predicted.start) & (started[1, predicted.stop] == predicted.kind)
    values = np.zeros((rows, 5))
    by_kind = np.zeros((len(names), 3))
    everyone = np.ones(len(right.start), dtype=np.bool_)
    for part, (found, kept) in enumerate(
        ((predicted, hits), (predicted, np.ones_like(hits)), (right, everyone))
    ):
        values[:, part] = np.bincount(row_of[found.start[kept]], minlength=rows)
        by_kind[:, part] = np.bincount(found.kind[kept], minlength=len(names))
    alike = given.codes == wanted.codes
    token_row = np.repeat(np.arange(rows), wanted.lengths)
    values[:, 3] = np.bincount(token_row, weights=alike, minlength=rows)
    values[:, 4] = wanted.lengths
    nothing = undefined(zero_division)
    start = "seqeval" if chosen is None else "seqeval_strict"

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        hit, said, real = totals[..., 0], totals[..., 1], totals[..., 2]
        return {
            f"{start}_f1": over(2 * hit, said + real, nothing),
            f"{start}_precision": over(hit, said, nothing),
            f"{start}_recall": over(hit, real, nothing),
            "seqeval_accuracy": over(totals[..., 3], totals[..., 4]),
        }

    details = [
        _detail(name, tuple(by_kind[kind].tolist()), nothing)
        for kind, name in enumerate(names)
        if by_kind[kind].any()
    ]
    keys = dict.fromkeys(score(values.sum(axis=0)), True)
    scheme_tag = {"seqeval_scheme": chosen} if chosen else {}
    return Measurement(Sums(values), score, keys, {"per_type": details}, scheme_tag)


def laid_tags(predictions: TagSequences, references: TagSequences, numbers: Numbers) -> tuple[Laid, Laid]:
    """Number the tags of predictions and references.

    Raises:
        BadEvaluation: A row is no list of tags, or has more predicted tags than right ones, or fewer; there
            are no tokens.
    """
    check_lengths(predictions, references)
    for what, rows in (("predictions", predictions), ("references", references)):
        for number, tags in enumerate(rows):
            if isinstance(tags, str) or not isinstance(tags, Sequence | np.ndarray):
                raise BadEvaluation(f"Row {number} of the {what} is not a list of tags but {tags!r:.60}.")
    given, wanted = laid(predictions, numbers), laid(references, numbers)
    unequal = np.flatnonzero(given.lengths != wanted.lengths)
    if len(unequal):
        row = int(unequal[0])
        raise BadEvaluation(
            f"Row {row} has {given.lengths[row]} predicted tags and {wanted.lengths[row]} right ones."
        )
    if not wanted.lengths.sum():
        raise BadEvaluation("There are no tokens to score.")
    return given, wanted


def undefined(zero_division: ZeroDivision) -> float:
    """Return what nothing by nothing is.

    >>> undefined("warn")
    0.0
    """
    if zero_division not in ("warn", 0, 1):
        raise BadEvaluation(f"zero_division is warn, 0 or 1, and not {zero_division}.")
    return 1.0 if zero_division == 1 else 0.0


def _chosen(scheme: str | None, mode: str | None) -> str | None:
    if mode not in (None, "strict"):
        raise unknown("mode of seqeval", str(mode), ["strict"])
    if scheme is not None and scheme not in SCHEMES:
        raise unknown("tag scheme", scheme, SCHEMES)
    if (scheme is None) != (mode is None):
        raise BadEvaluation(
            f"The scheme {scheme} counts in strict mode only: give mode='strict' too."
            if mode is None
            else f"Strict mode needs a scheme, one of {', '.join(SCHEMES)}."
        )
    return scheme


def _parted(texts: Laid, outside: int) -> IntArray:
    """Return tags end to end, one outside tag after each row, so that no entity crosses rows."""
    found = np.full(len(texts.codes) + len(texts.lengths), outside, dtype=np.int64)
    row_of = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
    found[np.arange(len(texts.codes)) + row_of] = texts.codes
    return found


def _detail(name: str, counts: tuple[float, float, float], nothing: float) -> dict[str, object]:
    hit, said, real = counts
    return {
        "label": name,
        "precision": float(over(hit, said, nothing)),
        "recall": float(over(hit, real, nothing)),
        "f1": float(over(2 * hit, said + real, nothing)),
        "support": int(real),
    }
