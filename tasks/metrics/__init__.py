"""Metrics: pure functions on arrays and strings, in one explicit table.

Another package adds a metric through the entry point group `assay.metrics`: the entry's name is the
metric's, its value loads to a `Metric`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

from tasks.errors import BadEvaluation, unknown
from tasks.metrics import (
    answers,
    areas,
    bleu,
    chrf,
    classification,
    correlation,
    exact_match,
    google_bleu,
    meteor,
    multilabel,
    nist,
    poseval,
    probabilities,
    regression,
    retrieval,
    rouge,
    sari,
    sequences,
    ter,
    transcripts,
)
from tasks.metrics.classification import confusion
from tasks.metrics.comparison import Difference, paired, row_tested
from tasks.metrics.contract import Measurement, Metric, Score
from tasks.metrics.intervals import Method, scores
from tasks.metrics.randomisation import randomised
from tasks.metrics.shapes import joined_rows

__all__ = [
    "METRICS",
    "Difference",
    "Measurement",
    "Metric",
    "Score",
    "compare",
    "compute",
    "confusion",
    "metric",
    "metrics",
]

Test = Literal["bootstrap", "randomisation", "mcnemar", "wilcoxon"]

METRICS = {
    each.name: each
    for each in (
        Metric("accuracy", "labels", classification.accuracy),
        Metric("balanced_accuracy", "labels", classification.balanced_accuracy),
        Metric("precision", "labels", classification.precision),
        Metric("recall", "labels", classification.recall),
        Metric("f1", "labels", classification.f1),
        Metric("matthews_correlation", "labels", classification.matthews_correlation),
        Metric("cohen_kappa", "labels", classification.cohen_kappa),
        Metric("roc_auc", "probabilities", areas.roc_auc),
        Metric("average_precision", "probabilities", areas.average_precision),
        Metric("log_loss", "probabilities", probabilities.log_loss, higher_is_better=False),
        Metric("brier_score", "probabilities", probabilities.brier_score, higher_is_better=False),
        Metric(
            "expected_calibration_error",
            "probabilities",
            probabilities.expected_calibration_error,
            higher_is_better=False,
        ),
        Metric("top_k_accuracy", "probabilities", probabilities.top_k_accuracy),
        Metric("subset_accuracy", "label_sets", multilabel.subset_accuracy),
        Metric("hamming_loss", "label_sets", multilabel.hamming_loss, higher_is_better=False),
        Metric("multilabel_f1", "label_sets", multilabel.multilabel_f1),
        Metric("label_ranking_average_precision", "label_sets", multilabel.label_ranking_average_precision),
        Metric("mse", "numbers", regression.mse, higher_is_better=False),
        Metric("rmse", "numbers", regression.rmse, higher_is_better=False),
        Metric("mae", "numbers", regression.mae, higher_is_better=False),
        Metric("mape", "numbers", regression.mape, higher_is_better=False),
        Metric("r_squared", "numbers", regression.r_squared),
        Metric("pearsonr", "numbers", correlation.pearsonr),
        Metric("spearmanr", "numbers", correlation.spearmanr),
        Metric("kendalltau", "numbers", correlation.kendalltau),
        Metric("ndcg", "rankings", retrieval.ndcg),
        Metric("mrr", "rankings", retrieval.mrr),
        Metric("recall_at_k", "rankings", retrieval.recall_at_k),
        Metric("precision_at_k", "rankings", retrieval.precision_at_k),
        Metric("hit_rate", "rankings", retrieval.hit_rate),
        Metric("retrieval_map", "rankings", retrieval.retrieval_map),
        Metric("seqeval", "tags", sequences.seqeval),
        Metric("poseval", "tags", poseval.poseval),
        Metric("wer", "texts", transcripts.wer, higher_is_better=False),
        Metric("cer", "texts", transcripts.cer, higher_is_better=False),
        Metric("wer_mean", "texts", transcripts.wer_mean, higher_is_better=False),
        Metric("cer_mean", "texts", transcripts.cer_mean, higher_is_better=False),
        Metric("word_errors", "texts", transcripts.word_errors, higher_is_better=False),
        Metric("character_errors", "texts", transcripts.character_errors, higher_is_better=False),
        Metric("mer", "texts", transcripts.mer, higher_is_better=False),
        Metric("wil", "texts", transcripts.wil, higher_is_better=False),
        Metric("wip", "texts", transcripts.wip),
        Metric("rouge", "texts", rouge.rouge),
        Metric("bleu", "texts", bleu.bleu),
        Metric("sacrebleu", "texts", bleu.sacrebleu),
        Metric("google_bleu", "texts", google_bleu.google_bleu),
        Metric("chrf", "texts", chrf.chrf),
        Metric("ter", "texts", ter.ter, higher_is_better=False),
        Metric("meteor", "texts", meteor.meteor),
        Metric("nist_mt", "texts", nist.nist_mt),
        Metric("sari", "edits", sari.sari),
        Metric("exact_match", "texts", exact_match.exact_match),
        Metric("token_f1", "texts", answers.token_f1),
        Metric("squad", "answers", answers.squad),
        Metric("squad_v2", "answers", answers.squad_v2),
    )
}


@cache
def metrics() -> dict[str, Metric]:
    """Return every metric by name, Assay's own and those of other installed packages."""
    added = {entry.name: entry.load() for entry in entry_points(group="assay.metrics")}
    return {**added, **METRICS}


def metric(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        UnknownName: There is no such metric.

    >>> metric("wer").takes
    'texts'
    """
    there_is = metrics()
    if name not in there_is:
        raise unknown("metric", name, there_is)
    return there_is[name]


def compute(
    name: str,
    *,
    predictions: Sequence[Any] | None = None,
    references: Sequence[Any],
    prediction_scores: Sequence[Any] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: Method = "auto",
    groups: Sequence[Hashable] | None = None,
    **arguments: Any,
) -> dict[str, Score]:
    """Compute a metric with its intervals; inputs have the shapes of HF evaluate's metric of that name.

    Args:
        name: The metric.
        predictions: What a model gave, row by row.
        references: What is right, row by row.
        prediction_scores: The same as `predictions`, as HF evaluate calls it for `roc_auc`.
        level: Confidence level of the intervals.
        resamples: Bootstrap samples; 0 for no intervals.
        seed: Seed of the samples.
        method: How intervals are found: `auto` (closed form for plain shares of rows, else the percentile
            bootstrap), `percentile`, `bca`, `wilson` or `clopper-pearson`; see `tasks.metrics.intervals`.
        groups: What each row belongs to, where rows are not independent: a document, a speaker.
        **arguments: The metric's own.

    Raises:
        UnknownName: There is no such metric, or it has no such argument.
        BadEvaluation: Predictions and references do not pair up, or the metric cannot take them.

    >>> compute("accuracy", predictions=[0, 1, 1], references=[0, 1, 0], resamples=0)["accuracy"].n
    3
    """
    given = prediction_scores if predictions is None else predictions
    if given is None:
        raise BadEvaluation(f"The metric '{name}' needs predictions.")
    measured = _measured(name, given, references, arguments)
    return scores(measured, level=level, resamples=resamples, seed=seed, method=method, groups=groups)


def compare(
    name: str,
    *,
    predictions: Sequence[Any],
    others: Sequence[Any],
    references: Sequence[Any],
    test: Test = "bootstrap",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
    **arguments: Any,
) -> dict[str, Difference]:
    """Compare two models on the same rows: the difference of their scores, and whether it could be chance.

    Args:
        name: The metric.
        predictions: What one model gave, row by row.
        others: What the other model gave.
        references: What is right.
        test: Where the p-value is from; the interval is always the paired bootstrap's. `bootstrap` and
            `randomisation` (rows swapped between the models) fit every metric; `mcnemar` (mid-p) fits plain
            shares of rows, as accuracy; `wilcoxon` (signed rank) fits metrics whose rows have scores.
        level: Confidence level of the interval.
        resamples: Bootstrap samples, or swaps.
        seed: Seed of both.
        groups: What each row belongs to, where rows are not independent.
        **arguments: The metric's own.

    Raises:
        UnknownName: There is no such metric, or it has no such argument.
        BadEvaluation: Rows do not pair up, or the test does not fit the metric.

    >>> found = compare("accuracy", predictions=[1] * 9, others=[0] * 9, references=[1] * 9, test="mcnemar")
    >>> round(found["accuracy"].p_value, 6)
    0.001953
    """
    one = _measured(name, predictions, references, arguments)
    other = _measured(name, others, references, arguments)
    found = paired(one, other, level=level, resamples=resamples, seed=seed, groups=groups)
    if test == "bootstrap":
        return found
    if test == "randomisation":
        both = joined_rows(predictions, others), joined_rows(references, references)
        joint = _measured(name, *both, arguments)
        p_values = randomised(joint, resamples=resamples, seed=seed, groups=groups)
    else:
        p_values = row_tested(one, other, test, groups)
    named = {
        "randomisation": "approximate randomisation",
        "mcnemar": "McNemar, mid-p",
        "wilcoxon": "Wilcoxon",
    }
    return {
        key: replace(found[key], p_value=p_value, test=named[test])
        for key, p_value in p_values.items()
        if key in found
    }


def _measured(
    name: str, predictions: Sequence[Any], references: Sequence[Any], arguments: Mapping[str, Any]
) -> Measurement:
    found = metric(name)
    for argument in arguments:
        if argument not in found.arguments:
            raise unknown(f"argument of the metric '{name}'", argument, found.arguments)
    return found.measure(predictions, references, **arguments)
