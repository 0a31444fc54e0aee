"""Multiple choice: which of several answers a causal model finds likeliest, or an encoder's head ranks first.

A template with {choices} lists them by letter, and the letters' likelihoods are compared (as for MMLU);
without it the choices' own words are (as for HellaSwag and ARC). What prompts have in common, as solved
examples, is read once.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.errors import BadLabels, listing
from tasks.inference import loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.decoder import Decoder
from tasks.inference.likelihood import Question, likelihoods
from tasks.inference.predictor import Decode, Item, Options, Predictor, Row
from tasks.types import choice_encoder, prompts
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.nesting import leaves, read

if TYPE_CHECKING:
    import datasets

LETTERS = string.ascii_uppercase
LISTED = "{choices}"

PROMPT = Column(
    name="prompt",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("question", "ctx", "question_stem", "sentence", "startphrase", "sent1", "goal", "query"),
    help="the question, or the text to go on with",
)
CHOICES = Column(
    name="choices",
    role="input",
    accepts=frozenset({"words"}),
    typical="words",
    aliases=("choices.text", "endings", "options", "answers", "mc1_targets.choices"),
    help="the answers to choose from: a list, or several columns as `sol1, sol2`",
)
LEAD = Column(
    name="lead",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=(),
    help="what every choice begins with, as sent2 of SWAG",
    required=False,
)
LABEL = Column(
    name="label",
    role="reference",
    accepts=frozenset({"label", "integer", "text"}),
    typical="label",
    aliases=("answerkey", "answer", "gold", "target", "correct", "answer_index"),
    help="the right one: its number, its letter, or what it is called in `keys`",
)
KEYS = Column(
    name="keys",
    role="reference",
    accepts=frozenset({"words"}),
    typical="words",
    aliases=("choices.label",),
    help="what the choices are called, where rows differ in that",
    required=False,
)
PREDICTION = pa.schema(
    [
        pa.field("choice", pa.int32()),
        pa.field("choice_normalized", pa.int32()),
        pa.field("log_likelihoods", pa.list_(pa.float64())),
        pa.field("greedy", pa.list_(pa.bool_())),
        pa.field("characters", pa.list_(pa.int32())),
        pa.field("bytes", pa.list_(pa.int32())),
        pa.field("tokens", pa.list_(pa.int32())),
        pa.field("prompt_tokens", pa.int32()),
        pa.field("truncated", pa.bool_()),
    ]
)


class Chooser:
    """A causal language model with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModelForCausalLM", checkpoint, options)
        self._decoder = Decoder(self.network)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._options = options
        self._chat = options.chat == "on"
        self._lettered = LISTED in options.template
        self._shown = [
            (listed(row[PROMPT.name], row[CHOICES.name], options.template), self._right(row))
            for row in options.examples
        ]
        begins = self._tokenizer("a", verbose=False)["input_ids"][:1]
        start = self._tokenizer.bos_token_id
        self._start = [start] if start is not None and begins == [start] else []

    def _right(self, row: Mapping[str, Any]) -> str:
        number = right_choice(row[LABEL.name], row.get(KEYS.name), self._options.candidates)
        return LETTERS[number] if self._lettered else str(row[CHOICES.name][number])

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise prompts and choices, keeping the end of a prompt that is too long."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        choices = [str(each) for each in row[CHOICES.name]]
        said = list(LETTERS[: len(choices)]) if self._lettered else choices
        prompt = f"{row[PROMPT.name]} {row[LEAD.name]}" if row.get(LEAD.name) else row[PROMPT.name]
        asked = listed(prompt, choices, self._options.template)
        if self._chat:
            turns = prompts.conversation(asked, prompts.PLACE, self._shown, self._options.system)
            context = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            head: list[int] = []
        else:
            context, head = prompts.written(asked, prompts.PLACE, self._shown), self._start
        # A space belongs to the word after it, as tokenizers have it.
        kept = context if self._chat else context.rstrip(" ")
        before = self._ids(kept)
        glue = "" if not kept or kept[-1].isspace() or self._chat else " "
        after = [self._ids(f"{kept}{glue}{each}")[len(before) :] for each in said]
        if not all(after):
            raise ValueError("a choice has no tokens of its own")
        whole = [*head, *before] or [self._tokenizer.eos_token_id]
        room = max(1, self._limit - max(map(len, after)))
        context_ids = whole if len(whole) <= room else [*head, *whole[len(whole) - room + len(head) :]]
        cost = float(len(context_ids) + sum(map(len, after)))
        return Item((Question(context_ids, after), said, len(context_ids) < len(whole)), cost)

    def _ids(self, text: str) -> list[int]:
        encoded = self._tokenizer(text, add_special_tokens=False, verbose=False)
        return list(encoded["input_ids"])

    def forward(self, items: Sequence[Item]) -> Decode:
        """Find the likelihood of every choice of a batch."""
        found = likelihoods(self._decoder, [item.features[0] for item in items])

        def decode() -> list[dict[str, Any]]:
            return [
                _prediction(
                    [each.log_probability for each in row], [each.greedy for each in row], *item.features
                )
                for row, item in zip(found, items, strict=True)
            ]

        return decode


def open_chooser(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a causal model, or an encoder with a head for choices."""
    if choice_encoder.is_encoder(checkpoint):
        return choice_encoder.EncoderChooser(checkpoint, options)
    return Chooser(checkpoint, options)


def _prediction(
    totals: Sequence[float], greedy: Sequence[bool], question: Question, said: Sequence[str], truncated: bool
) -> dict[str, Any]:
    characters = [len(each) for each in said]
    return {
        "choice": int(np.argmax(totals)),
        "choice_normalized": int(np.argmax(np.asarray(totals) / np.maximum(characters, 1))),
        "log_likelihoods": totals,
        "greedy": greedy,
        "characters": characters,
        "bytes": [len(each.encode()) for each in said],
        "tokens": [len(each) for each in question.continuations],
        "prompt_tokens": len(question.context),
        "truncated": truncated,
    }


def listed(question: str, choices: Sequence[str], template: str) -> str:
    """Return a template filled with a question, and with its choices by letter where it asks for them.

    >>> print(listed("Which is red?", ["sky", "blood"], "{prompt}\\n{choices}\\nAnswer:"))
    Which is red?
    A. sky
    B. blood
    Answer:
    """
    lines = "\n".join(f"{letter}. {each}" for letter, each in zip(LETTERS, choices, strict=False))
    return "".join(
        {prompts.PLACE: question, LISTED: lines}.get(part, part) for part in prompts.pieces(template, LISTED)
    )


def right_choice(label: str, keys: Sequence[str] | None, names: Sequence[str]) -> int:
    """Return the number of the right choice, from 0.

    Args:
        label: What the dataset says.
        keys: What the row's choices are called, where it says so.
        names: What choices are called in this dataset.

    Raises:
        BadLabels: The label names no choice.

    >>> right_choice("C", None, "ABCD"), right_choice("2", ["1", "2"], "ABCD")
    (2, 1)
    """
    called = list(keys) if keys else list(names)
    if label not in called:
        raise BadLabels(f"The right choice is '{label}', and choices are called {listing(called)}.")
    return called.index(label)


def called(labels: Sequence[str], choices: int, integers: bool) -> list[str]:
    """Return what choices are called in a dataset, in order.

    Args:
        labels: The right choices of its rows.
        choices: How many choices a row has at most.
        integers: Whether they are numbers to the dataset too, which count from 0.

    Raises:
        BadLabels: They are hidden, or neither letters nor numbers.

    >>> called(["A", "D"], 4, False), called(["1", "2"], 2, False), called(["3", "1"], 4, True)
    (['A', 'B', 'C', 'D'], ['1', '2'], ['0', '1', '2', '3'])
    """
    distinct = set(labels)
    if distinct & {"", "-1", "None"}:
        raise BadLabels("The right choices of this split are hidden; choose another split.")
    if distinct <= set(LETTERS):
        return list(LETTERS[: max(choices, *(LETTERS.index(each) + 1 for each in distinct))])
    if not all(each.isdigit() for each in distinct):
        raise BadLabels(
            f"Right choices are given as numbers, as letters, or as the names in the column {KEYS.name}; "
            f"here they are {listing(sorted(distinct), 5)}."
        )
    highest = max(map(int, distinct))
    first = int("0" not in distinct and not integers and highest == choices)
    return [str(number + first) for number in range(max(choices, highest + 1 - first))]


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See what choices are called: by letter, or by number from 0 or from 1.

    Raises:
        BadLabels: Right choices are hidden, or named by no letter and no number.
    """
    import datasets

    feature = leaves(features)[columns[LABEL.name]]
    labels = read(rows, columns[LABEL.name])
    most = max((len(each) for each in read(rows, columns[CHOICES.name])), default=0)
    if isinstance(feature, datasets.ClassLabel):
        if None in labels or -1 in labels:
            raise BadLabels("The right choices of this split are hidden; choose another split.")
        names = list(feature.names)
    elif KEYS.name in columns:
        names = sorted({key for row in read(rows, columns[KEYS.name]) for key in row})
    else:
        integers = str(getattr(feature, "dtype", "")).startswith(("int", "uint"))
        names = called([str(each) for each in labels], most, integers)
    return Alignment(tuple(names), model_labels=tuple(names))


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the choices' likelihoods and lengths, and the number of the right one."""
    fields = ("log_likelihoods", "characters", "bytes", "tokens")
    columns = [predictions[name] for name in fields]
    given = [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]
    keys = references.get(KEYS.name) or [None] * len(given)
    right = [
        right_choice(label, row, alignment.dataset_labels)
        for label, row in zip(references[LABEL.name], keys, strict=True)
    ]
    return {"choices": Judged(given, right)}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the question, the right choice and the one found likeliest."""
    right = right_choice(row[LABEL.name], row.get(KEYS.name), alignment.dataset_labels)
    return {
        "prompt": row[PROMPT.name],
        "choices": " | ".join(map(str, row[CHOICES.name])),
        "reference": row[CHOICES.name][right],
        "prediction": row[CHOICES.name][prediction["choice"]],
        "prediction by length": row[CHOICES.name][prediction["choice_normalized"]],
        "right": prediction["choice"] == right,
    }


MULTIPLE_CHOICE = TaskType(
    name="multiple-choice",
    version=1,
    summary="Which of several answers a causal model finds likeliest, or an encoder's head ranks first.",
    columns=(PROMPT, CHOICES, LEAD, LABEL, KEYS),
    prediction=PREDICTION,
    metrics=(("choice_accuracy", {}),),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=("max_tokens", "template", "system", "chat", "examples", "candidates"),
    align=align,
    open=open_chooser,
    evidence=evidence,
    judged_by=("choices",),
    sample=sample,
)
