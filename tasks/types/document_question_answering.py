"""Document question answering: an answer to a question about a page, written by models that read images."""

from __future__ import annotations

from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options, Predictor
from tasks.types.contract import Column, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.image_text import SETTINGS
from tasks.types.labels import no_labels
from tasks.types.visual_question_answering import (
    ANSWERS,
    PREDICTION,
    QUESTION,
    AnswerWriter,
    evidence,
    sample,
)

PAGE = Column(
    name="image",
    role="input",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=(*IMAGE.aliases, "page", "document", "scan"),
    help="the page",
)


def open_answerer(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a model that reads pages as pictures: Donut, Pix2Struct, or a model to chat with."""
    return AnswerWriter(checkpoint, options, "AutoModelForImageTextToText")


DOCUMENT_QUESTION_ANSWERING = TaskType(
    name="document-question-answering",
    version=1,
    summary="An answer to a question about a page, by models that read it as a picture.",
    columns=(PAGE, QUESTION, ANSWERS),
    prediction=PREDICTION,
    metrics=(("anls", {}), ("exact_match", {"ignore_case": True})),
    batch_cost=4,
    cost_unit="images",
    preprocessing=SETTINGS,
    align=no_labels,
    open=open_answerer,
    evidence=evidence,
    judged_by=("answer_lists", "texts"),
    sample=sample,
    generates=True,
    answers={"texts": "text"},
)
