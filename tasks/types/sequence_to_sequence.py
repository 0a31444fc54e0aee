"""Text from text: what summarization, translation and text2text generation share.

Encoder-decoders are loaded as such and written with as they state (beams, lengths), unless the evaluation
says otherwise; causal models are asked through a prompt template. A checkpoint that carries parameters for
the task, as T5 does, is called with them, its prefix included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.inference import checkpoints, languages, loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.generation import Manner, chances, cut, drawn
from tasks.inference.padding import Padding
from tasks.inference.predictor import ROW, Decode, Item, Options, Predictor, Row
from tasks.types import prompts, text_generation
from tasks.types.contract import Alignment, Judged, Rows

if TYPE_CHECKING:
    import torch

PLAIN = "{prompt}"
MOST_NEW = 128
"""Longest text where neither the evaluation nor the model says."""
STATED = (
    "early_stopping",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beams",
)
"""What a checkpoint's parameters for a task may set."""

PREDICTION: pa.Schema = text_generation.PREDICTION
PREPROCESSING = (
    "max_tokens",
    "max_new_tokens",
    "min_new_tokens",
    "beams",
    "length_penalty",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "stop",
    "template",
    "system",
    "chat",
    "source_language",
    "target_language",
    "examples",
)


@dataclass(frozen=True)
class Purpose:
    """What a text is written for.

    Attributes:
        column: The input column.
        answer: The reference column.
        parameters: The name under which a checkpoint may carry parameters for it.
        template: How a causal model is asked, with {prompt} where the text goes.
    """

    column: str
    answer: str
    parameters: Callable[[Options], str]
    template: Callable[[Options], str]


def opener(purpose: Purpose) -> Callable[[Checkpoint, Options], Predictor]:
    """Return what loads a model for a purpose, of the kind that its config says it is."""

    def open_writer(checkpoint: Checkpoint, options: Options) -> Predictor:
        if checkpoints.config(checkpoint).get("is_encoder_decoder"):
            return Rewriter(checkpoint, options, purpose)
        template = purpose.template(options) if options.template == PLAIN else options.template
        return text_generation.Writer(checkpoint, options, purpose.column, template, purpose.answer)

    return open_writer


class Rewriter:
    """An encoder-decoder with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options, purpose: Purpose) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        config = checkpoints.config(checkpoint)
        first = languages.forced(self._tokenizer, options, str(config.get("model_type")), checkpoint.name)
        self.network = loading.model("AutoModelForSeq2SeqLM", checkpoint, options)
        stated = (config.get("task_specific_params") or {}).get(purpose.parameters(options)) or {}
        mark = languages.mark(self._tokenizer, options) or stated.get("prefix", "")
        self._template = f"{mark}{PLAIN}" if options.template == PLAIN else options.template
        self._column = purpose.column
        self._shown = prompts.solved(options.examples, purpose.column, purpose.answer)
        if self._shown:
            # What is asked comes last, and is not what may be cut off.
            self._tokenizer.truncation_side = "left"
        self._arguments = arguments(self.network.generation_config, stated, options)
        if first is not None:
            self._arguments["forced_bos_token_id"] = first
        self._most = int(self._arguments.get("max_new_tokens") or self._arguments["max_length"])
        self._options = options
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._padding = Padding.of(self._tokenizer)
        ends = self.network.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list | tuple) else [ends])

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise texts, cut to what the model takes; a row costs what it reads and what it may write."""
        texts = [prompts.written(row[self._column], self._template, self._shown) for row in rows]
        whole = [len(ids) for ids in self._tokenizer(texts, verbose=False)["input_ids"]]
        encoded = self._tokenizer(texts, truncation=True, max_length=self._limit, verbose=False)
        written = self._most * int(self._arguments.get("num_beams") or 1)
        return [
            Item(
                (
                    {name: encoded[name][number] for name in ("input_ids", "attention_mask")},
                    row[ROW],
                    whole[number] > self._limit,
                ),
                cost=float(len(encoded["input_ids"][number]) + written),
            )
            for number, row in enumerate(rows)
        ]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Write the texts of a batch."""
        import torch

        batch = self._padding.batch([item.features[0] for item in items])
        draws = self._draws([item.features[1] for item in items])
        with torch.inference_mode():
            ids = self.network.generate(
                **loading.moved(self.network, batch), **self._arguments, logits_processor=draws
            )

        def decode() -> list[dict[str, Any]]:
            texts = self._tokenizer.batch_decode(ids, skip_special_tokens=True)
            return [
                {
                    "text": cut(text, self._options.stop).strip(),
                    "tokens": written(row, self._ends)[0],
                    "prompt_tokens": len(item.features[0]["input_ids"]),
                    "truncated": item.features[2],
                    "finished": written(row, self._ends)[1],
                }
                for text, row, item in zip(texts, ids.tolist(), items, strict=True)
            ]

        return decode

    def _draws(self, numbers: Sequence[int]) -> list[Any]:
        """Return what draws tokens by each row's own seed, where any are drawn."""
        if not self._options.temperature:
            return []
        how = Manner(
            most=self._most,
            temperature=self._options.temperature,
            top_p=self._options.top_p,
            top_k=self._options.top_k,
            seed=self._options.seed,
        )
        chance = chances(numbers, how)

        def draw(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            # The decoder's own start is no step.
            chosen = drawn(scores.float(), chance[:, ids.shape[1] - 1], how)
            only = scores.new_full(scores.shape, float("-inf"))
            only[np.arange(len(chosen)), chosen] = 0.0
            return only

        return [draw]


def arguments(config: Any, stated: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return the arguments of `generate`: the evaluation's, else those for the task, else the model's own.

    Args:
        config: The model's generation config.
        stated: The checkpoint's parameters for the task.
        options: The evaluation's.
    """
    chosen: dict[str, Any] = {name: stated[name] for name in STATED if stated.get(name) is not None}
    chosen["do_sample"] = False
    asked = {
        "num_beams": 1 if options.temperature else options.beams,
        "length_penalty": options.length_penalty,
        "min_new_tokens": options.min_new_tokens,
        "max_new_tokens": options.max_new_tokens,
    }
    chosen |= {name: value for name, value in asked.items() if value is not None}
    if options.min_new_tokens is not None:
        chosen["min_length"] = 0
    if options.max_new_tokens is not None:
        chosen.pop("max_length", None)
    elif "max_length" not in chosen:
        length = getattr(config, "max_length", None)
        chosen |= {"max_length": length} if length else {"max_new_tokens": MOST_NEW}
    if "num_beams" not in chosen and config.num_beams:
        chosen["num_beams"] = config.num_beams
    return chosen


def written(tokens: Sequence[int], ends: frozenset[int]) -> tuple[int, bool]:
    """Return how many tokens were written after the decoder's start, and whether they came to an end.

    >>> written([0, 5, 6, 1, 0, 0], frozenset({1})), written([0, 5, 6], frozenset({1}))
    ((2, True), (2, False))
    """
    for place, token in enumerate(tokens[1:]):
        if token in ends:
            return place, True
    return len(tokens) - 1, False


def judge_by(reference: str) -> Callable[[Rows, Rows, Alignment], dict[str, Judged]]:
    """Return the evidence of a task type whose right texts are in a column."""

    def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
        return {"texts": Judged(list(predictions["text"]), list(references[reference]))}

    return evidence


def show(
    column: str, reference: str
) -> Callable[[Mapping[str, Any], Mapping[str, Any], Alignment], dict[str, Any]]:
    """Return the sample of a task type with an input column and right texts."""

    def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
        right = [row[reference]] if isinstance(row[reference], str) else list(row[reference])
        return {
            column: row[column],
            "reference": " | ".join(right),
            "prediction": prediction["text"],
            "right": prediction["text"] in [each.strip() for each in right],
        }

    return sample
