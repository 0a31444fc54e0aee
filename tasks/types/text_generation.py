"""Text generation: what a causal language model answers to a prompt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.errors import BadEvaluation
from tasks.inference import loading
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.decoder import Decoder
from tasks.inference.generation import MOST_NEW, Manner, cut, write
from tasks.inference.loading import ENDLESS
from tasks.inference.predictor import ROW, Decode, Item, Options, Predictor, Row
from tasks.types import prompts, text_endpoint, text_vllm
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.text_reading import TextReader

if TYPE_CHECKING:
    import datasets

READ = "read"
"""The layout of texts without right answers."""

PROMPT = Column(
    name="prompt",
    role="input",
    accepts=frozenset({"text", "messages"}),
    typical="text",
    aliases=("messages", "question", "instruction", "input", "query", "text", "source", "conversation"),
    help="what the model is asked to continue or answer: a text, or the messages of a chat",
)
ANSWER = Column(
    name="answer",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=("target", "answers", "answers.text", "reference", "completion", "response", "output", "label"),
    help="the text it should write, or several right ones; left out, prompts are read for their perplexity",
    required=False,
)
PREDICTION = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("tokens", pa.int32()),
        pa.field("prompt_tokens", pa.int32()),
        pa.field("truncated", pa.bool_()),
        pa.field("finished", pa.bool_()),
        pa.field("log_likelihood", pa.float64()),
    ]
)


class Writer:
    """A causal language model with its tokenizer."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        options: Options,
        column: str = PROMPT.name,
        template: str | None = None,
        answer: str = ANSWER.name,
    ) -> None:
        """Load the model.

        Args:
            checkpoint: Which.
            options: How.
            column: The input column that holds prompts.
            template: What they go into, at {prompt}; left out, the evaluation's.
            answer: The reference column, for solved examples.
        """
        self._column = column
        self._template = template or options.template
        self._shown = prompts.solved(options.examples, column, answer)
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModelForCausalLM", checkpoint, options)
        self._decoder = Decoder(self.network)
        self._options = options
        self._chat = options.chat == "on" or (options.chat == "auto" and bool(self._tokenizer.chat_template))
        if self._chat and not self._tokenizer.chat_template:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has no chat template; set settings.generation.chat: off."
            )
        self._manner = manner(self.network, self._tokenizer, options)
        limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._limit = limit if limit == ENDLESS else max(1, limit - self._manner.most)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise prompts, keeping the end of one that is too long; a row costs prompt and answer."""
        texts = [self._asked(row[self._column]) for row in rows]
        encoded = self._tokenizer(texts, add_special_tokens=not self._chat, verbose=False)["input_ids"]
        start = self._tokenizer.bos_token_id
        items = []
        for row, ids in zip(rows, encoded, strict=True):
            tokens = list(ids) or [self._tokenizer.eos_token_id if start is None else start]
            kept = tokens[-self._limit :]
            cost = float(len(kept) + self._manner.most)
            items.append(Item((kept, row[ROW], len(kept) < len(tokens)), cost))
        return items

    def _asked(self, prompt: str | Sequence[Mapping[str, str]]) -> str:
        if not self._chat:
            return prompts.written(prompt, self._template, self._shown)
        turns = prompts.conversation(prompt, self._template, self._shown, self._options.system)
        return str(self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Write the answers of a batch."""
        prompts = [item.features[0] for item in items]
        numbers = [item.features[1] for item in items]
        written = write(self._decoder, self._tokenizer, prompts, numbers, self._manner)

        def decode() -> list[dict[str, Any]]:
            texts = self._tokenizer.batch_decode([each.tokens for each in written], skip_special_tokens=True)
            return [
                {
                    "text": cut(text, self._manner.stops).strip(),
                    "tokens": len(each.tokens),
                    "prompt_tokens": len(item.features[0]),
                    "truncated": item.features[2],
                    "finished": each.finished,
                }
                for text, each, item in zip(texts, written, items, strict=True)
            ]

        return decode


def manner(network: Any, tokenizer: Any, options: Options) -> Manner:
    """Return how a model writes: by the evaluation's settings, ending and penalising as the model states."""
    stated = network.generation_config
    ends = stated.eos_token_id if stated.eos_token_id is not None else tokenizer.eos_token_id
    several = ends if isinstance(ends, list | tuple) else [ends]
    return Manner(
        most=options.max_new_tokens or MOST_NEW,
        ends=frozenset(int(each) for each in several if each is not None),
        stops=options.stop,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        repetition_penalty=float(stated.repetition_penalty or 1.0),
        seed=options.seed,
    )


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See whether there are right answers; where there are none, the model reads the prompts."""
    if ANSWER.name in columns:
        return Alignment()
    return Alignment(
        notes=(f"No column was given for {ANSWER.name}: how well the model predicts the texts is judged.",),
        layout=READ,
    )


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is judged: answers where there are right ones, else how texts are read."""
    return ("texts",) if ANSWER.name in columns else ("likelihoods",)


def open_writer(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a model to write answers, or to read texts where there are no right answers."""
    if options.layout == READ:
        return TextReader(checkpoint, options, PROMPT.name)
    return Writer(checkpoint, options)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the answers, written and right, or how likely the texts were found."""
    if ANSWER.name not in references:
        pairs = zip(predictions["log_likelihood"], predictions["tokens"], strict=True)
        given = [{"log_likelihood": total, "tokens": tokens} for total, tokens in pairs]
        return {"likelihoods": Judged(given, [None] * len(given))}
    return {"texts": Judged(list(predictions["text"]), list(references["answer"]))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the prompt, the right answer and the written one."""
    asked = row["prompt"]
    if row.get(ANSWER.name) is None:
        perplexity = math.exp(-float(prediction["log_likelihood"]) / max(int(prediction["tokens"]), 1))
        return {"text": asked, "perplexity": round(perplexity, 3), "tokens": prediction["tokens"]}
    right = [row["answer"]] if isinstance(row["answer"], str) else list(row["answer"])
    return {
        "prompt": asked if isinstance(asked, str) else "\n".join(each["content"] for each in asked),
        "reference": " | ".join(right),
        "prediction": prediction["text"],
        "right": prediction["text"].strip() in [each.strip() for each in right],
    }


TEXT_GENERATION = TaskType(
    name="text-generation",
    version=2,
    summary="What a causal language model answers to a prompt, or how well it predicts texts.",
    columns=(PROMPT, ANSWER),
    prediction=PREDICTION,
    metrics=(
        ("exact_match", {}),
        ("token_f1", {}),
        ("rouge", {}),
        ("bleu", {}),
        ("model_perplexity", {}),
    ),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=(
        "max_tokens",
        "max_new_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "template",
        "system",
        "chat",
        "seed",
        "examples",
        "overlap",
        "layout",
    ),
    align=align,
    open=open_writer,
    evidence=evidence,
    judged_by=("texts", "likelihoods"),
    gives=gives,
    sample=sample,
    generates=True,
    engines={"endpoint": text_endpoint.EndpointWriter, "vllm": text_vllm.VllmWriter},
    answers={"texts": "text", "likelihoods": "log_likelihood"},
)
