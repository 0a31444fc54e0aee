"""Extractive question answering: the part of a context that answers a question, or that nothing does.

Long contexts are read in overlapping windows. Of a row the best span is stored and how much likelier "no
answer" is; whether that counts is decided by the dataset: it does where some of its questions have none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.errors import BadEvaluation
from tasks.inference import loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.nesting import read
from tasks.types.spans import best_spans, shares

if TYPE_CHECKING:
    import datasets

NO_ANSWER = "no answer"
WINDOW, OVERLAP, LONGEST_QUESTION, LONGEST_ANSWER, KEPT = 384, 128, 64, 30, 20
"""Tokens of a window, that two windows share, of a question and of an answer; spans kept of a row. As in
BERT's SQuAD script."""

QUESTION = Column(
    name="question",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("query", "question_text"),
    help="what is asked",
)
CONTEXT = Column(
    name="context",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("passage", "paragraph", "document", "article", "story", "text"),
    help="the text that holds the answer",
)
ANSWERS = Column(
    name="answers",
    role="reference",
    accepts=frozenset({"words", "text"}),
    typical="words",
    aliases=("answers.text", "answer.text", "answer", "answer_text", "detected_answers.text", "target"),
    help="the right answers; none, or an empty one, where there is no answer",
)
PREDICTION = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("start", pa.int32()),
        pa.field("score", pa.float32()),
        pa.field("no_answer", pa.float64()),
        pa.field("candidates", pa.list_(pa.string())),
        pa.field("candidate_scores", pa.list_(pa.float32())),
        pa.field("windows", pa.int32()),
    ]
)


class Reader:
    """An extractive question answerer with its (fast) tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        if not self._tokenizer.is_fast:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has only a slow tokenizer, which cannot tell where in the "
                "context a token lies."
            )
        self._tokenizer.truncation_side = "right"
        self.network = loading.model("AutoModelForQuestionAnswering", checkpoint, options)
        limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._window = min(limit, options.max_tokens or WINDOW)
        self._asked = min(LONGEST_QUESTION, self._window // 2)
        room = self._window - self._asked - self._tokenizer.num_special_tokens_to_add(pair=True)
        if room < 2:
            raise BadEvaluation(f"Windows of {self._window} tokens leave no room for a context.")
        if options.overlap is not None and options.overlap >= room:
            raise BadEvaluation(
                f"Windows of {self._window} tokens, {room} of them for the context, cannot share "
                f"{options.overlap}."
            )
        self._overlap = min(OVERLAP, room // 2) if options.overlap is None else options.overlap
        self._longest = options.max_new_tokens or LONGEST_ANSWER
        self._padding = Padding.of(self._tokenizer)
        # XLNet's kind has the question last, and pads on the left.
        self._second = self._tokenizer.padding_side == "right"

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Cut contexts into windows; a row costs the tokens of them all."""
        asked = [self._short(row["question"].strip()) for row in rows]
        contexts = [row["context"] for row in rows]
        whole = self._tokenizer(
            *((asked, contexts) if self._second else (contexts, asked)),
            truncation="only_second" if self._second else "only_first",
            max_length=self._window,
            stride=self._overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            verbose=False,
        )
        names = [name for name in self._tokenizer.model_input_names if name in whole]
        items: list[list[Any]] = [[] for _ in rows]
        for number, owner in enumerate(whole["overflow_to_sample_mapping"]):
            side = int(self._second)
            offsets = [
                offset if sequence == side else None
                for offset, sequence in zip(
                    whole["offset_mapping"][number], whole.sequence_ids(number), strict=True
                )
            ]
            items[owner].append(({name: whole[name][number] for name in names}, offsets))
        return [
            Item((windows, context), cost=float(sum(len(each["input_ids"]) for each, _ in windows)))
            for windows, context in zip(items, contexts, strict=True)
        ]

    def _short(self, question: str) -> str:
        encoded = self._tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
        offsets = encoded["offset_mapping"]
        return question if len(offsets) <= self._asked else question[: offsets[self._asked - 1][1]]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Read the windows of a batch of rows."""
        windows = [inputs for item in items for inputs, _ in item.features[0]]
        found = pieces.outputs(self.network, self._padding, windows)

        def decode() -> list[dict[str, Any]]:
            first = pieces.gathered([(of, each.start_logits.float().cpu().numpy()) for of, each in found])
            last = pieces.gathered([(of, each.end_logits.float().cpu().numpy()) for of, each in found])
            decoded, place = [], 0
            for item in items:
                stop = place + len(item.features[0])
                decoded.append(self._decode(item, first[place:stop], last[place:stop]))
                place = stop
            return decoded

        return decode

    def _decode(self, item: Item, first: Sequence[Any], last: Sequence[Any]) -> dict[str, Any]:
        windows, context = item.features
        # A window padded on the left ends where its batch does.
        cut = [len(inputs["input_ids"]) for inputs, _ in windows]
        if self._padding.left:
            first = [row[len(row) - length :] for row, length in zip(first, cut, strict=True)]
            last = [row[len(row) - length :] for row, length in zip(last, cut, strict=True)]
        offsets = [each for _, each in windows]
        spans = best_spans(offsets, first, last, self._overlap, self._longest, KEPT)
        mark = self._tokenizer.cls_token_id
        nothing = min(
            float(begin[place]) + float(end[place])
            for (inputs, _), begin, end in zip(windows, first, last, strict=True)
            for place in [inputs["input_ids"].index(mark) if mark in inputs["input_ids"] else 0]
        )
        if not spans:
            return {"text": "", "start": 0, "score": 0.0, "no_answer": 1.0, "windows": len(windows)}
        probabilities = shares([*(span.logit for span in spans), nothing])[:-1]
        return {
            "text": context[spans[0].start : spans[0].end],
            "start": spans[0].start,
            "score": probabilities[0],
            "no_answer": 1 / (1 + math.exp(min(spans[0].logit - nothing, 700.0))),
            "candidates": [context[span.start : span.end] for span in spans],
            "candidate_scores": probabilities,
            "windows": len(windows),
        }


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See whether some questions have no answer, so that "no answer" is among what a model may say.

    Raises:
        BadEvaluation: No question has one: they are hidden, as in test splits.
    """
    right = [answers_of(each) for each in read(rows, columns["answers"])]
    without = sum(not each for each in right)
    if without == len(right):
        raise BadEvaluation(
            f"No row has an answer in '{columns['answers']}': they may be hidden; choose another split."
        )
    if not without:
        return Alignment()
    return Alignment((NO_ANSWER,), notes=(f"{without} of {len(right)} questions have no answer.",))


def answers_of(value: str | Sequence[str] | None) -> list[str]:
    """Return the right answers of a row as a list.

    >>> answers_of(None), answers_of(""), answers_of("blue"), answers_of(["blue", "sky blue"])
    ([], [], ['blue'], ['blue', 'sky blue'])
    """
    listed = [value] if isinstance(value, str) else value or []
    return [each for each in listed if each]


def said(text: str, no_answer: float, alignment: Alignment) -> str:
    """Return what a prediction says: its span, or nothing where that is likelier and may be said.

    >>> said("blue", 0.9, Alignment()), said("blue", 0.9, Alignment((NO_ANSWER,)))
    ('blue', '')
    """
    return "" if NO_ANSWER in alignment.dataset_labels and no_answer > 0.5 else text


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return answers in SQuAD's form, rows numbered, and as texts."""
    doubts = [
        float(not text) if doubt is None else doubt
        for text, doubt in zip(predictions["text"], predictions["no_answer"], strict=True)
    ]
    given = [said(text, doubt, alignment) for text, doubt in zip(predictions["text"], doubts, strict=True)]
    right = [answers_of(each) for each in references["answers"]]
    answers = Judged(
        [
            {"id": str(row), "prediction_text": text, "no_answer_probability": doubt}
            for row, (text, doubt) in enumerate(zip(given, doubts, strict=True))
        ],
        [{"id": str(row), "answers": {"text": texts, "answer_start": []}} for row, texts in enumerate(right)],
    )
    return {"answers": answers, "texts": Judged(given, [texts or [""] for texts in right])}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the question, the right answers and the one found, with the words around it."""
    right = answers_of(row["answers"])
    doubt = float(not prediction["text"]) if prediction["no_answer"] is None else prediction["no_answer"]
    text = said(prediction["text"], doubt, alignment)
    found = row["context"].find(prediction["text"]) if prediction["start"] is None else prediction["start"]
    place = max(found, 0)
    return {
        "question": row["question"],
        "reference": " | ".join(right) or f"({NO_ANSWER})",
        "prediction": text or f"({NO_ANSWER})",
        "around": row["context"][max(0, place - 80) : place + len(prediction["text"]) + 80],
        "no answer": round(float(doubt), 4),
        "right": text in (right or [""]),
    }


QUESTION_ANSWERING = TaskType(
    name="question-answering",
    version=1,
    summary="The part of a context that answers a question, or that nothing there does.",
    columns=(QUESTION, CONTEXT, ANSWERS),
    prediction=PREDICTION,
    metrics=(("squad_v2", {}),),
    batch_cost=4096,
    cost_unit="tokens",
    preprocessing=("max_tokens", "overlap", "max_new_tokens"),
    align=align,
    open=Reader,
    evidence=evidence,
    judged_by=("answers", "texts"),
    sample=sample,
    answers={"texts": "text"},
)
