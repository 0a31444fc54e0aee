"""Likelihoods: what is made of the probabilities that the judged model itself gives to texts.

Log-likelihoods are natural logarithms, added up over the tokens of a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import Cells, FloatArray, Sums

Length = Literal["characters", "bytes", "tokens"]


def choice_accuracy(
    predictions: Sequence[Mapping[str, Any]], references: Sequence[int], length: Length = "characters"
) -> Measurement:
    """Share of questions whose right choice is the likeliest, plainly and by length, 0 to 1.

    Keys: `choice_accuracy` and `choice_accuracy_normalized`, in which a choice's log-likelihood is divided
    by its length, so that short ones have no advantage. Of equally likely choices the first is taken.
    Reference: `acc` and `acc_norm` of EleutherAI's lm-evaluation-harness, which divides by characters.

    Args:
        predictions: For each question `{"log_likelihoods": […]}`, and the lengths of the choices under the
            name of their unit.
        references: The number of each question's right choice, from 0.
        length: The unit of length.

    Raises:
        BadEvaluation: A question's right choice is none of its choices, or lengths are missing or 0.
    """
    check_lengths(predictions, references)
    cells = np.zeros(len(references), dtype=np.int64)
    for row, (given, right) in enumerate(zip(predictions, references, strict=True)):
        likelihoods = np.asarray(given["log_likelihoods"], dtype=np.float64)
        lengths = np.asarray(given.get(length, []), dtype=np.float64)
        if not 0 <= right < len(likelihoods):
            raise BadEvaluation(
                f"The right choice of row {row} is number {right}, and it has {len(likelihoods)} choices."
            )
        if len(lengths) != len(likelihoods) or not (lengths > 0).all():
            raise BadEvaluation(f"Row {row} needs a length above 0 in {length} for each of its choices.")
        plain = int(likelihoods.argmax()) == right
        fair = int((likelihoods / lengths).argmax()) == right
        cells[row] = 2 * plain + fair

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        count = totals.sum(-1)
        return {
            "choice_accuracy": totals[..., 2:].sum(-1) / count,
            "choice_accuracy_normalized": totals[..., 1::2].sum(-1) / count,
        }

    keys = ("choice_accuracy", "choice_accuracy_normalized")
    return Measurement(
        Cells(cells, 4), score, dict.fromkeys(keys, True), proportions=dict.fromkeys(keys, 1.0)
    )


def model_perplexity(
    predictions: Sequence[Mapping[str, Any]], references: Sequence[Any] | None = None
) -> Measurement:
    """How many tokens the judged model hesitates between where it reads a text, at least 1; less is better.

    Keys: `model_perplexity`, in which every token counts the same, and `model_perplexity_mean`, in which
    every text does. Of models that fill masks it is the pseudo-perplexity of Salazar et al. (2020). Models
    of different tokenizers are not comparable by it.

    Args:
        predictions: For each text `{"log_likelihood": …, "tokens": …}`; texts without tokens do not count.
        references: Not looked at.
    """
    sums = np.zeros((len(predictions), 4))
    for row, given in enumerate(predictions):
        tokens, total = float(given["tokens"]), float(given["log_likelihood"])
        if tokens:
            sums[row] = -total, tokens, np.exp(-total / tokens), 1.0

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {
            "model_perplexity": np.exp(over(totals[..., 0], totals[..., 1], np.nan)),
            "model_perplexity_mean": over(totals[..., 2], totals[..., 3], np.nan),
        }

    return Measurement(Sums(sums), score, dict.fromkeys(("model_perplexity", "model_perplexity_mean"), False))
