"""Text2text generation: what an encoder-decoder writes for a text that says what is wanted, as Flan-T5."""

from __future__ import annotations

from tasks.types import sequence_to_sequence as writing
from tasks.types.contract import Column, TaskType
from tasks.types.labels import no_labels

TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("input", "inputs", "source", "prompt", "question", "instruction", "query", "sentence"),
    help="the text that is read",
)
TARGET = Column(
    name="target",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=("targets", "output", "outputs", "answer", "reference", "completion", "response", "label"),
    help="the text to write, or several right ones",
)
PURPOSE = writing.Purpose(
    column="text",
    answer="target",
    parameters=lambda options: "text2text-generation",
    template=lambda options: "{prompt}",
)

TEXT2TEXT_GENERATION = TaskType(
    name="text2text-generation",
    version=1,
    summary="What an encoder-decoder writes for a text, as instructions, questions or sentences to mend.",
    columns=(TEXT, TARGET),
    prediction=writing.PREDICTION,
    metrics=(("exact_match", {}), ("token_f1", {}), ("rouge", {})),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=writing.PREPROCESSING,
    align=no_labels,
    open=writing.opener(PURPOSE),
    evidence=writing.judge_by("target"),
    judged_by=("texts",),
    sample=writing.show("text", "target"),
    generates=True,
    answers={"texts": "text"},
)
