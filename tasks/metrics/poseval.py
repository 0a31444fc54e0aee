"""Parts of speech: tags judged token by token, as scikit-learn's report does."""

from __future__ import annotations

import numpy as np

from tasks.metrics.contract import Measurement
from tasks.metrics.ngrams import Numbers
from tasks.metrics.ratios import over
from tasks.metrics.sequences import TagSequences, ZeroDivision, laid_tags, undefined
from tasks.metrics.statistics import FloatArray, Sums


def poseval(
    predictions: TagSequences, references: TagSequences, zero_division: ZeroDivision = 0
) -> Measurement:
    """Token accuracy, and F1, precision and recall of tags averaged over tags, 0 to 1.

    Keys: `poseval_accuracy`, `poseval_f1_macro`, `poseval_precision_macro`, `poseval_recall_macro` (each tag
    counts alike) and the same with `_weighted` (by the tag's tokens); per tag in the `per_tag` table. Tokens
    of a row are drawn together for an interval. Reference: HF evaluate's `poseval`, which is
    sklearn.metrics.classification_report over all tokens.

    Args:
        predictions: Tags, a list for each row.
        references: The right tags.
        zero_division: What nothing by nothing is; `warn` is 0.

    Raises:
        BadEvaluation: A row has more predicted tags than right ones, or fewer; there are no tokens.
    """
    numbers = Numbers()
    given, wanted = laid_tags(predictions, references, numbers)
    tags, rows = len(numbers), len(wanted.lengths)
    row_of = np.repeat(np.arange(rows), wanted.lengths)
    alike = given.codes == wanted.codes
    values = np.zeros((rows, 3 * tags))
    for part, (row, codes) in enumerate(
        ((row_of[alike], wanted.codes[alike]), (row_of, given.codes), (row_of, wanted.codes))
    ):
        counted = np.bincount(row * tags + codes, minlength=rows * tags)
        values[:, part * tags : (part + 1) * tags] = counted.reshape(rows, tags)
    nothing = undefined(zero_division)

    def per_tag(totals: FloatArray) -> dict[str, FloatArray]:
        hit, said, real = (totals[..., part * tags : (part + 1) * tags] for part in range(3))
        return {
            "f1": over(2 * hit, said + real, nothing),
            "precision": over(hit, said, nothing),
            "recall": over(hit, real, nothing),
        }

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        hit, said, real = (totals[..., part * tags : (part + 1) * tags] for part in range(3))
        found = {"poseval_accuracy": over(hit.sum(-1), real.sum(-1), np.nan)}
        occurs = said + real > 0
        for name, each in per_tag(totals).items():
            found[f"poseval_{name}_macro"] = over(np.where(occurs, each, 0.0).sum(-1), occurs.sum(-1), np.nan)
            found[f"poseval_{name}_weighted"] = over((each * real).sum(-1), real.sum(-1), np.nan)
        return found

    totals = values.sum(axis=0)
    by_tag = per_tag(totals)
    details: list[dict[str, object]] = [
        {
            "label": str(tag),
            **{name: float(by_tag[name][place]) for name in ("precision", "recall", "f1")},
            "support": int(totals[2 * tags + place]),
        }
        for tag, place in sorted(numbers.items(), key=lambda item: str(item[0]))
    ]
    return Measurement(Sums(values), score, dict.fromkeys(score(totals), True), details={"per_tag": details})
