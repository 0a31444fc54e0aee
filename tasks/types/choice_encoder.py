"""Multiple choice by encoders with a head for it, as BERT on SWAG, which scores each choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.inference import checkpoints, loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import prompts

HEAD = "ForMultipleChoice"
"""What the classes of such models end in."""


def is_encoder(checkpoint: Checkpoint) -> bool:
    """Tell whether a model says that it scores choices by a head of its own."""
    stated = checkpoints.config(checkpoint).get("architectures") or []
    return any(str(name).endswith(HEAD) for name in stated)


class EncoderChooser:
    """An encoder with a multiple-choice head, and its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        if options.examples or options.chat == "on" or "{choices}" in options.template:
            raise BadEvaluation(
                f"The model '{checkpoint.name}' scores each choice by a head of its own: it is shown no "
                "examples, no chat and no list of choices."
            )
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModelForMultipleChoice", checkpoint, options)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._padding = Padding.of(self._tokenizer)
        self._template = options.template

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise the prompt with each choice; a row costs the tokens of them all."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        lead = row.get("lead")
        choices = [f"{lead} {each}" if lead else str(each) for each in row["choices"]]
        asked = self._template.replace(prompts.PLACE, row["prompt"])
        asking = [asked] * len(choices)
        whole = self._tokenizer(asking, choices, verbose=False)["input_ids"]
        encoded = self._tokenizer(asking, choices, truncation=True, max_length=self._limit, verbose=False)
        names = [name for name in encoded if name in self._tokenizer.model_input_names]
        pairs = [{name: encoded[name][number] for name in names} for number in range(len(choices))]
        cost = float(sum(len(each["input_ids"]) for each in pairs))
        return Item((pairs, max(map(len, whole)) > self._limit), cost)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Score every choice of a batch of rows."""
        pairs = [pair for item in items for pair in item.features[0]]
        found = pieces.gathered(
            pieces.outputs(_Alone(self.network), self._padding, pairs, lambda output, *_: output.tolist())
        )

        def decode() -> list[dict[str, Any]]:
            decoded, place = [], 0
            for item in items:
                own, truncated = item.features
                decoded.append(_prediction(found[place : place + len(own)], own, truncated))
                place += len(own)
            return decoded

        return decode


class _Alone:
    """Calls a head with one choice a question, so that questions may have any number of them."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.device = network.device
        self.dtype = network.dtype

    def __call__(self, **batch: Any) -> Any:
        logits = self._network(**{name: tensor.unsqueeze(1) for name, tensor in batch.items()}).logits
        return logits[:, 0].float().cpu()


def _prediction(logits: Sequence[float], pairs: Sequence[Any], truncated: bool) -> dict[str, Any]:
    """Return scores as log-probabilities over the choices; they are of whole pairs, so lengths are all 1."""
    scores = np.asarray(logits, dtype=np.float64)
    shares = scores - np.logaddexp.reduce(scores)
    best, one = int(scores.argmax()), [1] * len(scores)
    return {
        "choice": best,
        "choice_normalized": best,
        "log_likelihoods": shares,
        "greedy": None,
        "characters": one,
        "bytes": one,
        "tokens": one,
        "prompt_tokens": max(len(each["input_ids"]) for each in pairs),
        "truncated": truncated,
    }
