"""The table of metrics, Assay's own and those of other installed packages.

Another package adds a metric through the entry point group `assay.metrics`: the entry's name is the
metric's, its value loads to a `Metric`.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points

from tasks.errors import unknown
from tasks.metrics import (
    answers,
    areas,
    bertscore,
    bleu,
    chrf,
    classification,
    clip_score,
    correlation,
    depth,
    detection,
    encoders,
    exact_match,
    fidelity,
    google_bleu,
    likelihoods,
    meteor,
    modules,
    multilabel,
    nist,
    perceptual,
    perplexity,
    poseval,
    probabilities,
    regression,
    retrieval,
    rouge,
    sari,
    segmentation,
    sequences,
    set_distances,
    ter,
    transcripts,
    visual_answers,
)
from tasks.metrics.contract import Metric

METRICS = {
    each.name: each
    for each in (
        Metric("accuracy", "labels", classification.accuracy, of_a_row="hit"),
        Metric("balanced_accuracy", "labels", classification.balanced_accuracy),
        Metric("precision", "labels", classification.precision),
        Metric("recall", "labels", classification.recall),
        Metric("f1", "labels", classification.f1),
        Metric("matthews_correlation", "labels", classification.matthews_correlation),
        Metric("cohen_kappa", "labels", classification.cohen_kappa),
        Metric("roc_auc", "probabilities", areas.roc_auc, of_a_row="nothing"),
        Metric("average_precision", "probabilities", areas.average_precision, of_a_row="nothing"),
        Metric("log_loss", "probabilities", probabilities.log_loss, higher_is_better=False),
        Metric("brier_score", "probabilities", probabilities.brier_score, higher_is_better=False),
        Metric(
            "expected_calibration_error",
            "probabilities",
            probabilities.expected_calibration_error,
            higher_is_better=False,
        ),
        Metric("top_k_accuracy", "probabilities", probabilities.top_k_accuracy, of_a_row="hit"),
        Metric("subset_accuracy", "label_sets", multilabel.subset_accuracy, of_a_row="hit"),
        Metric("hamming_loss", "label_sets", multilabel.hamming_loss, higher_is_better=False),
        Metric("multilabel_f1", "label_sets", multilabel.multilabel_f1),
        Metric("label_ranking_average_precision", "label_scores", multilabel.label_ranking_average_precision),
        Metric("mse", "numbers", regression.mse, higher_is_better=False),
        Metric("rmse", "numbers", regression.rmse, higher_is_better=False),
        Metric("mae", "numbers", regression.mae, higher_is_better=False),
        Metric("mape", "numbers", regression.mape, higher_is_better=False),
        Metric("r_squared", "numbers", regression.r_squared),
        Metric("pearsonr", "numbers", correlation.pearsonr, of_a_row="nothing"),
        Metric("spearmanr", "numbers", correlation.spearmanr, of_a_row="nothing"),
        Metric("kendalltau", "numbers", correlation.kendalltau, of_a_row="nothing"),
        Metric("ndcg", "rankings", retrieval.ndcg),
        Metric("mrr", "rankings", retrieval.mrr),
        Metric("recall_at_k", "rankings", retrieval.recall_at_k),
        Metric("precision_at_k", "rankings", retrieval.precision_at_k),
        Metric("hit_rate", "rankings", retrieval.hit_rate, of_a_row="hit"),
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
        Metric("exact_match", "texts", exact_match.exact_match, of_a_row="hit"),
        Metric("token_f1", "texts", answers.token_f1),
        Metric("squad", "answers", answers.squad),
        Metric("squad_v2", "answers", answers.squad_v2),
        Metric("vqa_accuracy", "answer_lists", visual_answers.vqa_accuracy),
        Metric("anls", "answer_lists", visual_answers.anls),
        Metric("choice_accuracy", "choices", likelihoods.choice_accuracy),
        Metric("model_perplexity", "likelihoods", likelihoods.model_perplexity, higher_is_better=False),
        Metric("psnr", "images", fidelity.psnr),
        Metric("ssim", "images", fidelity.ssim),
        Metric("ms_ssim", "images", fidelity.ms_ssim),
        Metric("mean_iou", "maps", segmentation.mean_iou),
        Metric("pixel_accuracy", "maps", segmentation.pixel_accuracy),
        Metric("dice", "maps", segmentation.dice),
        Metric("depth_errors", "depths", depth.depth_errors, higher_is_better=False),
        Metric("mean_average_precision", "boxes", detection.mean_average_precision, of_a_row="nothing"),
        Metric(
            "perceptual_distance",
            "images",
            perceptual.perceptual_distance,
            higher_is_better=False,
            check=encoders.check,
        ),
        Metric(
            "frechet_distance",
            "images",
            set_distances.frechet_distance,
            higher_is_better=False,
            check=encoders.check,
            of_a_row="nothing",
        ),
        Metric(
            "kernel_distance",
            "images",
            set_distances.kernel_distance,
            higher_is_better=False,
            check=encoders.check,
            of_a_row="nothing",
        ),
        Metric("clip_score", "prompts", clip_score.clip_score, check=encoders.check),
        Metric("bertscore", "texts", bertscore.bertscore, check=encoders.check),
        Metric("perplexity", "texts", perplexity.perplexity, higher_is_better=False, check=encoders.check),
        Metric("evaluate", "anything", modules.evaluate, check=modules.check, of_a_row="nothing"),
    )
}


@cache
def metrics() -> dict[str, Metric]:
    """Return every metric by name, Assay's own and those of other installed packages."""
    return {**_added(), **METRICS}


def _added() -> dict[str, Metric]:
    """Return the metrics of other packages; one that does not load is left out, with a warning."""
    found = {}
    for entry in entry_points(group="assay.metrics"):
        package = entry.dist.name if entry.dist is not None else "another package"
        try:
            loaded = entry.load()
        except Exception as error:
            warnings.warn(f"The metric '{entry.name}' of {package} does not load: {error}", stacklevel=2)
            continue
        if not isinstance(loaded, Metric) or loaded.name != entry.name or entry.name in METRICS:
            warnings.warn(
                f"The entry point '{entry.name}' of {package} is left out: it is no Metric of that name, or "
                "Assay has one.",
                stacklevel=2,
            )
            continue
        found[entry.name] = loaded
    return found


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
