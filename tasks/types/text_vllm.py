"""Text generation by vLLM, which batches by itself; an optional package, for GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.errors import BadEvaluation
from tasks.inference import holding
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.generation import MOST_NEW, cut, row_seed
from tasks.inference.predictor import ROW, Decode, Item, Options, Row
from tasks.types import prompts


class VllmWriter:
    """A causal language model in vLLM. Its network is in vLLM's own process, out of reach from here."""

    network = None

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        import vllm

        self._options = options
        arguments = loading(checkpoint, options)
        key = ("vllm", checkpoint.commit, *sorted(arguments.items()))
        self._model = holding.kept(key, lambda: vllm.LLM(**arguments))
        self._parameters = vllm.SamplingParams
        self._tokenizer = self._model.get_tokenizer()
        template = bool(getattr(self._tokenizer, "chat_template", None))
        self._chat = options.chat == "on" or (options.chat == "auto" and template)
        if self._chat and not template:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has no chat template; set settings.generation.chat: off."
            )
        stated = int(self._model.llm_engine.model_config.max_model_len)
        most = options.max_new_tokens or MOST_NEW
        self._limit = max(1, min(options.max_tokens or stated, stated) - most)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise prompts as the transformers engine does, keeping the end of one that is too long."""
        texts = [self._asked(row["prompt"]) for row in rows]
        encoded = self._tokenizer(texts, add_special_tokens=not self._chat, verbose=False)["input_ids"]
        most = self._options.max_new_tokens or MOST_NEW
        items = []
        for row, tokens in zip(rows, encoded, strict=True):
            kept = list(tokens)[-self._limit :] or [self._tokenizer.eos_token_id]
            items.append(Item((kept, row[ROW], len(kept) < len(tokens)), float(len(kept) + most)))
        return items

    def _asked(self, prompt: str | Sequence[prompts.Message]) -> str:
        template, shown = self._options.template, prompts.solved(self._options.examples, "prompt", "answer")
        if not self._chat:
            return prompts.written(prompt, template, shown)
        messages = prompts.conversation(prompt, template, shown, self._options.system)
        return str(self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Write the answers of a batch."""
        written = self._model.generate(
            [{"prompt_token_ids": item.features[0]} for item in items],
            [self._parameters(**sampling(self._options, item.features[1])) for item in items],
            use_tqdm=False,
        )
        return lambda: [self._prediction(each, item) for each, item in zip(written, items, strict=True)]

    def _prediction(self, written: Any, item: Item) -> dict[str, Any]:
        (answer,) = written.outputs
        return {
            "text": cut(answer.text, self._options.stop).strip(),
            "tokens": len(answer.token_ids),
            "prompt_tokens": len(item.features[0]),
            "truncated": item.features[2],
            "finished": answer.finish_reason == "stop",
        }


def loading(checkpoint: Checkpoint, options: Options) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM`.

    >>> loading(Checkpoint("m", "acme/m", "c0ffee", local=False), Options("cuda:0", "bfloat16"))["revision"]
    'c0ffee'
    """
    commit = checkpoint.commit
    revision = {} if checkpoint.local else {"revision": commit, "tokenizer_revision": commit}
    return {
        "model": checkpoint.place,
        "dtype": options.dtype,
        "seed": options.seed,
        "trust_remote_code": options.allow_remote_code,
        "load_format": "auto" if checkpoint.pickled else "safetensors",
        # Otherwise the model's own sampling defaults would stand in for settings that are left out.
        "generation_config": "vllm",
        **revision,
    }


def sampling(options: Options, row: int) -> dict[str, Any]:
    """Return the arguments of `vllm.SamplingParams` for a row.

    >>> sampling(Options("cuda:0", "bfloat16", stop=("\\n",)), 3)
    {'max_tokens': 128, 'temperature': 0.0, 'stop': ['\\n']}
    """
    chosen: dict[str, Any] = {
        "max_tokens": options.max_new_tokens or MOST_NEW,
        "temperature": options.temperature,
        "stop": list(options.stop),
    }
    if options.temperature:
        drawn = {"top_p": options.top_p, "seed": row_seed(options.seed, row)}
        chosen |= drawn | ({"top_k": options.top_k} if options.top_k else {})
    return chosen
