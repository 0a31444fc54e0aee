"""Visual question answering: an answer to a question about an image, chosen or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Predictor, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.image_text import SETTINGS, Reader
from tasks.types.labels import no_labels

if TYPE_CHECKING:
    pass

QUESTION = Column(
    name="question",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("query", "prompt", "instruction"),
    help="the question",
)
ANSWERS = Column(
    name="answers",
    role="reference",
    accepts=frozenset({"text", "words", "label", "records"}),
    typical="words",
    aliases=("answer", "multiple_choice_answer", "label", "labels"),
    help="the right answer, or several people's answers",
)
PREDICTION = pa.schema([pa.field("text", pa.string()), pa.field("score", pa.float32())])


class AnswerWriter:
    """A model that writes an answer."""

    def __init__(self, checkpoint: Checkpoint, options: Options, auto_class: str) -> None:
        self._reader = Reader(checkpoint, options, auto_class)
        self.network = self._reader.network
        self._template = options.template

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images, and put questions into the template; each costs one."""
        return [
            self._reader.prepared(
                media.image(row["image"]), self._template.replace("{prompt}", row["question"])
            )
            for row in rows
        ]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Write answers to a batch of questions."""
        decode = self._reader.write(items)
        return lambda: [{**each, "score": None} for each in decode()]


class AnswerChooser:
    """A model that chooses among the answers it knows, as ViLT."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.processor(checkpoint, options)
        self.network = loading.model("AutoModelForVisualQuestionAnswering", checkpoint, options)
        self._names = checkpoints.labels(checkpoint)
        self._template = options.template
        self._longest = loading.longest_input(self._processor.tokenizer, self.network.config, options)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images, and encode questions; each costs one."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        features = self._processor(
            images=media.image(row["image"]),
            text=self._template.replace("{prompt}", row["question"]),
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        height, width = features["pixel_values"].shape[-2:]
        shape = (height * 10_000 + width) * 1_000 + features["input_ids"].shape[-1]
        # The sliver lets the engine sort rows of one shape together.
        return Item(dict(features), cost=1.0 + shape * 1e-14)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Choose answers for a batch; rows of different shapes go apart."""
        found: dict[int, dict[str, Any]] = {}
        for group in loading.alike([item.features for item in items], None):
            logits = loading.run(self.network, group.batch).logits.float().cpu()
            for position, row in zip(group.positions, logits, strict=True):
                best = int(row.argmax())
                found[position] = {"text": self._names[best], "score": float(row[best].sigmoid())}
        return lambda: [found[position] for position in range(len(items))]


def open_answerer(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a model of the kind its config's `architectures` states."""
    config = checkpoints.config(checkpoint)
    if config.get("model_type") == "vilt":
        return AnswerChooser(checkpoint, options)
    stated = config.get("architectures") or []
    answers = any(str(name).endswith("ForQuestionAnswering") for name in stated)
    family = "AutoModelForVisualQuestionAnswering" if answers else "AutoModelForImageTextToText"
    return AnswerWriter(checkpoint, options, family)


def right_answers(value: Any) -> list[str]:
    """Return a row's right answers, in whichever way the dataset keeps them.

    >>> right_answers("net"), right_answers([{"answer": "net", "answer_id": 1}])
    (['net'], ['net'])
    >>> right_answers({"answer": ["net", "nets"]})
    ['net', 'nets']
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        field = next((name for name in ("answer", "text", "answers") if name in value), None)
        return right_answers(value[field]) if field is not None else []
    return [answer for each in value or () for answer in right_answers(each)]


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return given answers beside all right ones, and as texts."""
    given = list(predictions["text"])
    right = [right_answers(each) for each in references["answers"]]
    return {"answer_lists": Judged(given, right), "texts": Judged(given, right)}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return image, question, the right answers and the given one."""
    right = right_answers(row["answers"])
    return {
        "image": row["image"],
        "question": row["question"],
        "reference": " | ".join(dict.fromkeys(right)),
        "prediction": prediction["text"],
        "right": prediction["text"].strip().casefold() in {each.strip().casefold() for each in right},
    }


VISUAL_QUESTION_ANSWERING = TaskType(
    name="visual-question-answering",
    version=1,
    summary="An answer to a question about an image.",
    columns=(IMAGE, QUESTION, ANSWERS),
    prediction=PREDICTION,
    metrics=(("vqa_accuracy", {}),),
    batch_cost=8,
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
