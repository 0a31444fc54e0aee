"""The vocabulary of dataset cards, in the words used here: task types, columns, metrics.

Sources: the `train-eval-index` of the Hub's dataset cards (its task ids are AutoTrain's), and `eval.yaml` of
benchmarks (its solvers and scorers are those of Inspect).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks import catalogue

TASK_IDS: Mapping[str, str] = {
    "binary-classification": "text-classification",
    "multi-class-classification": "text-classification",
    "multi-label-classification": "text-classification",
    "single-column-classification": "text-classification",
    "sentiment-classification": "text-classification",
    "topic-classification": "text-classification",
    "intent-classification": "text-classification",
    "natural-language-inference": "text-classification",
    "text-scoring": "text-classification",
    "single-column-regression": "text-classification",
    "entity-extraction": "token-classification",
    "named-entity-recognition": "token-classification",
    "part-of-speech": "token-classification",
    "ner": "token-classification",
    "extractive-question-answering": "question-answering",
    "extractive-qa": "question-answering",
    "text-zero-shot-classification": "multiple-choice",
    "multiple-choice-qa": "multiple-choice",
    "speech-recognition": "automatic-speech-recognition",
    "asr": "automatic-speech-recognition",
    "language-modeling": "text-generation",
    "conditional-text-generation": "text2text-generation",
    "news-articles-summarization": "summarization",
    "image-binary-classification": "image-classification",
    "image-multi-class-classification": "image-classification",
    "semantic-segmentation": "image-segmentation",
    "tabular-binary-classification": "tabular-classification",
    "tabular-multi-class-classification": "tabular-classification",
    "tabular-single-column-regression": "tabular-regression",
    "text-similarity": "sentence-similarity",
    "semantic-similarity-scoring": "sentence-similarity",
    "translation-pair": "translation",
}
"""What a card calls a kind of problem -> the task type; those named as task types are not repeated."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "text-classification": {"text1": "text", "text2": "text_pair", "target": "label"},
    "token-classification": {"target": "tags", "labels": "tags", "ner_tags": "tags", "words": "tokens"},
    "question-answering": {"answers.text": "answers"},
    "summarization": {"source": "text", "document": "text", "target": "summary"},
    "text2text-generation": {"source": "text", "input": "text", "output": "target"},
    "text-generation": {"text": "prompt", "input": "prompt", "target": "answer", "output": "answer"},
    "multiple-choice": {"text": "prompt", "input": "prompt", "classes": "choices", "target": "label"},
    "zero-shot-classification": {"classes": "candidate_labels", "target": "label"},
    "image-classification": {"target": "label"},
    "audio-classification": {"target": "label"},
    "automatic-speech-recognition": {"target": "text", "sentence": "text", "transcription": "text"},
    "sentence-similarity": {"text1": "sentence1", "text2": "sentence2", "target": "score"},
    "image-segmentation": {"target": "map", "label": "map"},
    "tabular-classification": {"target": "label"},
    "visual-question-answering": {"target": "answers"},
    "document-question-answering": {"target": "answers"},
    "object-detection": {"target": "objects"},
    "image-to-text": {"target": "text"},
}
"""By task type, the cards' standard names -> columns, beside the columns' own names and aliases."""

STANDARD = {
    *("text", "text1", "text2", "target", "tokens", "tags", "context", "question", "source", "classes"),
    *("image", "audio", "answers.text", "answers.answer_start"),
}
"""The standard names that the Hub's own documentation gives."""

IGNORED_COLUMNS = {"answers.answer_start", "id", "idx", "answer_start"}
"""Standard names that nothing here needs."""

METRICS: Mapping[str, Mapping[str, str]] = {
    "token-classification": dict.fromkeys(("f1", "precision", "recall", "accuracy"), "seqeval"),
    "question-answering": dict.fromkeys(("f1", "exact_match"), "squad"),
    "multiple-choice": dict.fromkeys(("accuracy", "choice", "exact", "match"), "choice_accuracy"),
    "text-generation": {
        "exact": "exact_match",
        "match": "exact_match",
        "accuracy": "exact_match",
        "f1": "token_f1",
    },
    "text2text-generation": {"accuracy": "exact_match", "f1": "token_f1"},
    "image-segmentation": {"accuracy": "pixel_accuracy"},
}
"""By task type, metrics that go by another name there."""

SYNONYMS: Mapping[str, str] = {
    "acc": "accuracy",
    "f1_score": "f1",
    "em": "exact_match",
    "exactmatch": "exact_match",
    "mcc": "matthews_correlation",
    "matthews_corrcoef": "matthews_correlation",
    "matthews_correlation_coefficient": "matthews_correlation",
    "pearson": "pearsonr",
    "pearson_correlation": "pearsonr",
    "spearman": "spearmanr",
    "spearman_correlation": "spearmanr",
    "cosine_spearman": "spearmanr",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougel": "rouge",
    "rougelsum": "rouge",
    "rouge_1": "rouge",
    "rouge_2": "rouge",
    "rouge_l": "rouge",
    "sacre_bleu": "sacrebleu",
    "word_error_rate": "wer",
    "character_error_rate": "cer",
    "squad_v1": "squad",
    "squadv2": "squad_v2",
    "miou": "mean_iou",
    "map": "mean_average_precision",
    "auc": "roc_auc",
    "rocauc": "roc_auc",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "r2": "r_squared",
    "r2_score": "r_squared",
    "topk_accuracy": "top_k_accuracy",
}
"""Other names of metrics, as `folded` writes them."""

AVERAGES = ("macro", "micro", "weighted", "binary")


def folded(name: str) -> str:
    """Write a name as it is looked up: lower case, one underscore for whatever is no letter or digit.

    >>> folded("F1 Macro"), folded("text-zero-shot-classification"), folded("Rouge-L")
    ('f1_macro', 'text_zero_shot_classification', 'rouge_l')
    """
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def task_type(name: str | None) -> str | None:
    """Return the task type of a card's name for a kind of problem; None for one that is none.

    >>> task_type("text_classification"), task_type("entity_extraction"), task_type("speaker-diarization")
    ('text-classification', 'token-classification', None)
    """
    dashed = folded(name or "").replace("_", "-")
    return dashed if dashed in catalogue.task_types() else TASK_IDS.get(dashed)


def metric(task: str, name: str) -> tuple[str, str | None]:
    """Return a metric's name here, and the average that its name in the card carries.

    >>> metric("text-classification", "F1 macro"), metric("token-classification", "f1")
    (('f1', 'macro'), ('seqeval', None))
    """
    plain, average = folded(name), None
    for each in AVERAGES:
        if plain in {f"f1_{each}", f"precision_{each}", f"recall_{each}", f"{each}_f1"}:
            plain, average = plain.replace(each, "").strip("_"), each
    plain = SYNONYMS.get(plain, plain)
    return METRICS.get(task, {}).get(plain, plain), average
