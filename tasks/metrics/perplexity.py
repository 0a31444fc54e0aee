"""Perplexity: how surprised a language model is by texts, by token, by text and by byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import encoders
from tasks.metrics.contract import Measurement
from tasks.metrics.statistics import FloatArray, Sums

_SCORES = 200_000_000
"""Scores in memory at once (windows x tokens x vocabulary): under a gigabyte, unless one window has more."""


def perplexity(
    predictions: Sequence[str],
    references: Sequence[Any],
    model: str,
    revision: str | None = None,
    max_length: int | None = None,
    batch_size: int = 16,
    device: str = "auto",
) -> Measurement:
    """Exponential of the mean negative log-likelihood of a token, at least 1; lower is better.

    Keys: `perplexity` (over all tokens of all texts), `perplexity_mean` (the mean of each text's own; what HF
    evaluate calls mean_perplexity) and `bits_per_byte` (in UTF-8; comparable between tokenizers).
    The model and how a text starts are in the tags.

    Args:
        predictions: Texts.
        references: Not used.
        model: A causal language model: a folder or a Hub id.
        revision: A branch, tag or commit of a Hub model.
        max_length: Most tokens read at once; left out, what the model can take.
        batch_size: Windows read together.
        device: auto, cpu, cuda, cuda:1 or mps.

    A text begins with the model's start token, or its end token where it has none, so that its first token
    counts too. A longer text is read in windows that overlap by half, and each token counts once. Reference:
    HF evaluate's perplexity. Traps: the mean over texts is above the one over tokens, mostly; perplexities of
    models with different tokenizers do not compare.
    """
    if not len(predictions):
        raise BadEvaluation("There are no rows to score.")
    for row, text in enumerate(predictions):
        if not isinstance(text, str) or not text:
            raise BadEvaluation(f"Text {row} is empty or no text, so its perplexity is not defined.")
    loaded = encoders.load("AutoModelForCausalLM", model, revision, device)
    tokenizer = encoders.processor("AutoTokenizer", model, revision)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    most = max_length or encoders.longest_input(tokenizer, loaded.model.config)
    if most < 2:
        raise BadEvaluation(f"max_length is at least 2 tokens, and {most} is not.")
    first = [] if start is None else [start]
    texts = [
        first + tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] for text in predictions
    ]
    short = next((row for row, tokens in enumerate(texts) if len(tokens) < 2), None)
    if short is not None:
        raise BadEvaluation(
            f"Text {short} has no token that another comes before, so nothing can be predicted."
        )
    loss = _losses(loaded.model, texts, most, batch_size)
    tokens = np.array([len(text) - 1 for text in texts], dtype=np.float64)
    size = np.array([len(text.encode()) for text in predictions], dtype=np.float64)
    columns = np.stack([loss, tokens, np.exp(loss / tokens), size, np.ones(len(loss))], axis=1)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {
            "perplexity": np.exp(totals[..., 0] / totals[..., 1]),
            "perplexity_mean": totals[..., 2] / totals[..., 4],
            "bits_per_byte": totals[..., 0] / (np.log(2) * totals[..., 3]),
        }

    begun = "none" if start is None else tokenizer.convert_ids_to_tokens(start)
    directions = dict.fromkeys(("perplexity", "perplexity_mean", "bits_per_byte"), False)
    return Measurement(
        Sums(columns), score, directions, tags={"perplexity": f"{loaded.pin}, start token {begun}"}
    )


@dataclass(frozen=True)
class _Window:
    """Some tokens of one text, those from `new` on not seen in the window before."""

    text: int
    tokens: list[int]
    new: int


def _windows(texts: Sequence[list[int]], most: int) -> Iterator[_Window]:
    for number, tokens in enumerate(texts):
        # The first token of a window is not predicted in it, so the windows share at least one.
        step = max(1, most // 2)
        seen = 1
        for begin in range(0, len(tokens), step):
            end = min(begin + most, len(tokens))
            yield _Window(number, tokens[begin:end], seen - begin)
            seen = end
            if end == len(tokens):
                break


def _losses(model: Any, texts: Sequence[list[int]], most: int, batch: int) -> FloatArray:
    """Return the negative log-likelihood of each text, in nats."""
    import torch

    loss = np.zeros(len(texts))
    windows = sorted(_windows(texts, most), key=lambda window: len(window.tokens))
    vocabulary = int(model.config.get_text_config().vocab_size)
    while windows:
        longest = len(windows[-1].tokens)
        size = max(1, min(batch, _SCORES // (longest * vocabulary)))
        some, windows = windows[-size:], windows[:-size]
        ids = torch.zeros((len(some), longest), dtype=torch.long)
        there = torch.zeros_like(ids)
        counted = torch.zeros_like(ids, dtype=torch.bool)
        for row, window in enumerate(some):
            # Padding comes after the text, where a causal model does not see it.
            ids[row, : len(window.tokens)] = torch.tensor(window.tokens)
            there[row, : len(window.tokens)] = 1
            counted[row, window.new : len(window.tokens)] = True
        with torch.inference_mode():
            logits = model(input_ids=ids.to(model.device), attention_mask=there.to(model.device)).logits
            each = torch.nn.functional.cross_entropy(
                logits[:, :-1].float().transpose(1, 2), ids[:, 1:].to(model.device), reduction="none"
            )
        sums = (each.double().cpu() * counted[:, 1:]).sum(1).numpy()
        np.add.at(loss, [window.text for window in some], sums)
    return loss
