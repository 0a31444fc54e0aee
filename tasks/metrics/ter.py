"""TER: edits that turn a translation into its reference, where moving a phrase is one edit.

Source: Snover et al. (2006), A Study of Translation Edit Rate with Targeted Human Annotation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, Sums
from tasks.metrics.texts import References, several


def ter(
    predictions: Sequence[str],
    references: References,
    normalized: bool = False,
    ignore_punct: bool = False,
    support_zh_ja_chars: bool = False,
    case_sensitive: bool = False,
) -> Measurement:
    """Translation edit rate in percent: edits by reference words, pooled; 0 is perfect, over 100 is possible.

    Key: `ter`, sacrebleu's signature as a tag. A row's edits are those to its nearest reference, its words
    the mean over its references; the edits are found by sacrebleu's search (exact ones would take too long).
    100 where references are all empty and predictions are not. Reference: sacrebleu.corpus_ter.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        normalized: Normalise and split off punctuation first.
        ignore_punct: Drop punctuation.
        support_zh_ja_chars: Treat Chinese and Japanese characters as words; with the two above only.
        case_sensitive: Compare with case.
    """
    from sacrebleu.metrics.lib_ter import translation_edit_rate
    from sacrebleu.metrics.ter import TER

    rows = several(predictions, references)
    reference = TER(normalized, ignore_punct, support_zh_ja_chars, case_sensitive)

    def cut(text: str) -> list[str]:
        return reference.tokenizer(text.rstrip()).split()

    values = np.zeros((len(rows), 2))
    for place, (text, row) in enumerate(zip(predictions, rows, strict=True)):
        given = cut(text)
        wanted = [cut(each) for each in row]
        searched = [] if given in wanted else [translation_edit_rate(given, each)[0] for each in wanted]
        values[place] = min(searched, default=0), sum(map(len, wanted)) / len(wanted)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        edits, words = totals[..., 0], totals[..., 1]
        return {"ter": 100 * np.where(words > 0, over(edits, words), edits > 0)}

    counts = {len(row) for row in rows}
    reference.num_refs = counts.pop() if len(counts) == 1 else -1
    return Measurement(
        Sums(values), score, {"ter": False}, tags={"ter_signature": str(reference.get_signature())}
    )
