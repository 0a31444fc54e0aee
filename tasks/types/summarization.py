"""Summarization: a shorter text that says what matters of a long one."""

from __future__ import annotations

from tasks.types import sequence_to_sequence as writing
from tasks.types.contract import Column, TaskType
from tasks.types.labels import no_labels

TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("article", "document", "dialogue", "dialog", "source", "report", "body", "content", "maintext"),
    help="the text to sum up",
)
SUMMARY = Column(
    name="summary",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=("highlights", "abstract", "target", "summaries", "tldr", "tl;dr", "headline", "title"),
    help="the right summary, or several",
)
PURPOSE = writing.Purpose(
    column="text",
    answer="summary",
    parameters=lambda options: "summarization",
    template=lambda options: "Summarize the following text.\n\n{prompt}\n\nSummary:",
)

SUMMARIZATION = TaskType(
    name="summarization",
    version=1,
    summary="A short text that says what matters of a long one, by encoder-decoders or causal models.",
    columns=(TEXT, SUMMARY),
    prediction=writing.PREDICTION,
    metrics=(("rouge", {}),),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=writing.PREPROCESSING,
    align=no_labels,
    open=writing.opener(PURPOSE),
    evidence=writing.judge_by("summary"),
    judged_by=("texts",),
    sample=writing.show("text", "summary"),
    generates=True,
    answers={"texts": "text"},
)
