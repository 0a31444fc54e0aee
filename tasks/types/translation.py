"""Translation: the same said in another language."""

from __future__ import annotations

from tasks.errors import BadEvaluation
from tasks.inference.predictor import Options
from tasks.types import sequence_to_sequence as writing
from tasks.types.contract import Column, TaskType
from tasks.types.labels import no_labels

SOURCE = Column(
    name="source",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("src", "source_text", "sentence_src", "sourceString"),
    help="the text to translate",
)
TARGET = Column(
    name="target",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=("tgt", "target_text", "reference", "sentence_tgt", "translation", "references"),
    help="the right translation, or several",
)


def _asked(options: Options) -> str:
    if not options.target_language:
        raise BadEvaluation(
            "A causal model is asked to translate by words: set settings.generation.target_language, as "
            "German, or a template of your own."
        )
    origin = f" from {options.source_language}" if options.source_language else ""
    return f"Translate the following text{origin} to {options.target_language}.\n\n{{prompt}}\n\nTranslation:"


PURPOSE = writing.Purpose(
    column="source",
    answer="target",
    parameters=lambda options: f"translation_{options.source_language}_to_{options.target_language}",
    template=_asked,
)

TRANSLATION = TaskType(
    name="translation",
    version=1,
    summary="The same said in another language, by encoder-decoders or causal models.",
    columns=(SOURCE, TARGET),
    prediction=writing.PREDICTION,
    metrics=(("sacrebleu", {}), ("chrf", {})),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=writing.PREPROCESSING,
    align=no_labels,
    open=writing.opener(PURPOSE),
    evidence=writing.judge_by("target"),
    judged_by=("texts",),
    sample=writing.show("source", "target"),
    generates=True,
    answers={"texts": "text"},
)
