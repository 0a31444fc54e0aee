"""What there is, by name: the explicit tables of task types and metrics, and what other packages add to them.

Names only, so that forms and messages can list them without importing a library. Another package adds a
task type through the entry point group `assay.task_types`: the entry's name is the task type's, its value
`module:attribute` is a `tasks.types.contract.TaskType`.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import entry_points

TASK_TYPES = {
    "text-classification": "tasks.types.text_classification:TEXT_CLASSIFICATION",
    "token-classification": "tasks.types.token_classification:TOKEN_CLASSIFICATION",
    "image-classification": "tasks.types.image_classification:IMAGE_CLASSIFICATION",
    "text-generation": "tasks.types.text_generation:TEXT_GENERATION",
    "automatic-speech-recognition": "tasks.types.speech_recognition:SPEECH_RECOGNITION",
    "summarization": "tasks.types.summarization:SUMMARIZATION",
    "translation": "tasks.types.translation:TRANSLATION",
    "text2text-generation": "tasks.types.text2text_generation:TEXT2TEXT_GENERATION",
    "multiple-choice": "tasks.types.multiple_choice:MULTIPLE_CHOICE",
    "sentence-similarity": "tasks.types.sentence_similarity:SENTENCE_SIMILARITY",
    "feature-extraction": "tasks.types.feature_extraction:FEATURE_EXTRACTION",
    "zero-shot-classification": "tasks.types.zero_shot_classification:ZERO_SHOT_CLASSIFICATION",
    "fill-mask": "tasks.types.fill_mask:FILL_MASK",
    "question-answering": "tasks.types.question_answering:QUESTION_ANSWERING",
    "audio-classification": "tasks.types.audio_classification:AUDIO_CLASSIFICATION",
    "zero-shot-audio-classification": "tasks.types.zero_shot_audio:ZERO_SHOT_AUDIO_CLASSIFICATION",
    "zero-shot-image-classification": "tasks.types.zero_shot_image:ZERO_SHOT_IMAGE_CLASSIFICATION",
    "object-detection": "tasks.types.object_detection:OBJECT_DETECTION",
    "image-segmentation": "tasks.types.image_segmentation:IMAGE_SEGMENTATION",
    "image-to-text": "tasks.types.image_to_text:IMAGE_TO_TEXT",
    "visual-question-answering": "tasks.types.visual_question_answering:VISUAL_QUESTION_ANSWERING",
    "document-question-answering": "tasks.types.document_question_answering:DOCUMENT_QUESTION_ANSWERING",
    "depth-estimation": "tasks.types.depth_estimation:DEPTH_ESTIMATION",
    "tabular-classification": "tasks.types.tabular_classification:TABULAR_CLASSIFICATION",
    "tabular-regression": "tasks.types.tabular_regression:TABULAR_REGRESSION",
    "text-to-image": "tasks.types.text_to_image:TEXT_TO_IMAGE",
    "image-to-image": "tasks.types.image_to_image:IMAGE_TO_IMAGE",
    "unconditional-image-generation": (
        "tasks.types.unconditional_image_generation:UNCONDITIONAL_IMAGE_GENERATION"
    ),
}

METRICS = (
    "accuracy",
    "anls",
    "average_precision",
    "balanced_accuracy",
    "bertscore",
    "bleu",
    "brier_score",
    "cer",
    "cer_mean",
    "character_errors",
    "choice_accuracy",
    "chrf",
    "clip_score",
    "cohen_kappa",
    "depth_errors",
    "dice",
    "evaluate",
    "exact_match",
    "expected_calibration_error",
    "f1",
    "frechet_distance",
    "google_bleu",
    "hamming_loss",
    "hit_rate",
    "kendalltau",
    "kernel_distance",
    "label_ranking_average_precision",
    "log_loss",
    "mae",
    "mape",
    "matthews_correlation",
    "mean_average_precision",
    "mean_iou",
    "mer",
    "meteor",
    "model_perplexity",
    "mrr",
    "ms_ssim",
    "mse",
    "multilabel_f1",
    "ndcg",
    "nist_mt",
    "pearsonr",
    "perceptual_distance",
    "perplexity",
    "pixel_accuracy",
    "poseval",
    "precision",
    "precision_at_k",
    "psnr",
    "r_squared",
    "recall",
    "recall_at_k",
    "retrieval_map",
    "rmse",
    "roc_auc",
    "rouge",
    "sacrebleu",
    "sari",
    "seqeval",
    "spearmanr",
    "squad",
    "squad_v2",
    "ssim",
    "subset_accuracy",
    "ter",
    "token_f1",
    "top_k_accuracy",
    "vqa_accuracy",
    "wer",
    "wer_mean",
    "wil",
    "wip",
    "word_errors",
)
"""The names of `tasks.metrics.table.METRICS`, which a test holds equal: forms offer them."""


def task_types() -> dict[str, str]:
    """Return every task type's name and where it is defined, `module:attribute`.

    >>> task_types()["text-classification"]
    'tasks.types.text_classification:TEXT_CLASSIFICATION'
    """
    return {**_added("assay.task_types", tuple(sys.path)), **TASK_TYPES}


def metric_names() -> list[str]:
    """Return every metric's name, Assay's own and those of other installed packages, sorted.

    >>> "f1" in metric_names()
    True
    """
    return sorted({*_added("assay.metrics", tuple(sys.path)), *METRICS})


@lru_cache(maxsize=8)
def _added(group: str, path: tuple[str, ...]) -> dict[str, str]:
    """Read what other packages add, once: looking through every package takes milliseconds each time."""
    return {entry.name: entry.value for entry in entry_points(group=group)}
