"""What there is, by name: the explicit tables of task types, and what other packages add to them.

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


def task_types() -> dict[str, str]:
    """Return every task type's name and where it is defined, `module:attribute`.

    >>> task_types()["text-classification"]
    'tasks.types.text_classification:TEXT_CLASSIFICATION'
    """
    return {**_added(tuple(sys.path)), **TASK_TYPES}


@lru_cache(maxsize=4)
def _added(path: tuple[str, ...]) -> dict[str, str]:
    """Read what other packages add, once: looking through every package takes milliseconds each time."""
    return {entry.name: entry.value for entry in entry_points(group="assay.task_types")}
