"""Generation: text written token by token, many rows at a time, each as if it were alone.

A row that is finished leaves the batch, so that the others do not wait for it. What is sampled is decided by
numbers drawn from the row's own seed, so that a row's text does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.inference.decoder import Decoder, left_padded

if TYPE_CHECKING:
    import torch

MOST_NEW = 128
"""Longest answer where the evaluation does not say."""

DROP = 0.75
"""A batch is made smaller when no more than this share of its rows is still being written."""


@dataclass(frozen=True)
class Manner:
    """How text is written.

    Attributes:
        most: The most new tokens.
        ends: Tokens that end a text.
        stops: Strings that end a text; they are not part of it.
        temperature: 0 for the likeliest token; otherwise logits are divided by it and a token is drawn.
        top_p: Draw from the likeliest tokens that together have this probability.
        top_k: Draw from this many likeliest tokens; 0 for all.
        repetition_penalty: Divides the logits of tokens already there (Keskar et al., 2019); 1 for none.
        seed: Seed of what is drawn, with the row's number.
    """

    most: int
    ends: frozenset[int] = frozenset()
    stops: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """What was written for one row: its tokens, without those that end it, and whether it came to an end."""

    tokens: list[int]
    finished: bool


def write(
    decoder: Decoder, tokenizer: Any, prompts: Sequence[Sequence[int]], numbers: Sequence[int], manner: Manner
) -> list[Written]:
    """Continue prompts.

    Args:
        decoder: The model.
        tokenizer: Reads tokens back as text, for strings that stop.
        prompts: Tokens of each prompt, at least one.
        numbers: Each row's number, which with the seed decides what is drawn for it.
        manner: How.
    """
    import torch

    device = decoder.network.device
    texts: list[list[int]] = [[] for _ in prompts]
    finished = [False] * len(prompts)
    active = list(range(len(prompts)))
    chance = chances(numbers, manner)
    ids, real = left_padded(prompts, device, prompts[0][0])
    reading = decoder.begin(len(prompts))
    logits = decoder.read(reading, ids, real)[:, -1]
    for step in range(manner.most):
        chosen = _choose(
            logits, [[*prompts[row], *texts[row]] for row in active], chance[active], step, manner
        )
        still = []
        for place, (row, token) in enumerate(zip(active, chosen, strict=True)):
            if finished[row]:
                continue
            if token in manner.ends:
                finished[row] = True
                continue
            texts[row].append(token)
            if manner.stops and _stopped(tokenizer, texts[row], manner.stops):
                finished[row] = True
                continue
            still.append(place)
        if not still or step + 1 == manner.most:
            break
        if len(still) <= DROP * len(active):
            kept = torch.tensor(still, device=device)
            reading.select(kept)
            active = [active[place] for place in still]
            chosen = [chosen[place] for place in still]
        new = torch.tensor(chosen, device=device)[:, None]
        logits = decoder.read(reading, new, torch.ones_like(new))[:, -1]
    return [Written(tokens, done) for tokens, done in zip(texts, finished, strict=True)]


def row_seed(seed: int, row: int) -> int:
    """Return a row's own seed for engines that draw by themselves, in [0, 2**31).

    >>> row_seed(0, 1) == row_seed(0, 1), row_seed(0, 1) == row_seed(1, 0)
    (True, False)
    """
    return int(np.random.default_rng([seed, row]).integers(2**31))


def chances(numbers: Sequence[int], manner: Manner) -> np.ndarray:
    """Return the numbers in [0, 1) that decide each row's draws, shape (rows, steps)."""
    if not manner.temperature:
        return np.zeros((len(numbers), 1))
    return np.stack([np.random.default_rng([manner.seed, row]).random(manner.most) for row in numbers])


def _choose(
    logits: torch.Tensor, texts: Sequence[Sequence[int]], chance: np.ndarray, step: int, manner: Manner
) -> list[int]:
    """Return the next token of each row."""
    if manner.repetition_penalty != 1.0:
        logits = penalised(logits, texts, manner.repetition_penalty)
    if not manner.temperature:
        return list(logits.argmax(-1).tolist())
    return drawn(logits, chance[:, step], manner)


def penalised(logits: torch.Tensor, texts: Sequence[Sequence[int]], penalty: float) -> torch.Tensor:
    """Make tokens that a row already has less likely.

    Args:
        logits: Shape (rows, vocabulary).
        texts: The tokens of each row, prompt and all.
        penalty: Positive logits are divided by it, negative ones multiplied.

    Source: Keskar et al. (2019), CTRL, section 4.1; the reference is transformers'
    RepetitionPenaltyLogitsProcessor.
    """
    import torch

    logits = logits.clone()
    for row, text in enumerate(texts):
        seen = torch.tensor(sorted(set(text)), device=logits.device)
        values = logits[row, seen]
        logits[row, seen] = torch.where(values > 0, values / penalty, values * penalty)
    return logits


def drawn(logits: torch.Tensor, chance: np.ndarray, manner: Manner) -> list[int]:
    """Draw a token for each row by its own number in [0, 1).

    Args:
        logits: Shape (rows, vocabulary).
        chance: Shape (rows,).
        manner: Temperature, top_k and top_p, applied in this order as transformers does.

    >>> import torch
    >>> drawn(torch.tensor([[0.0, 9.0]]), np.array([0.5]), Manner(1, temperature=1.0))
    [1]
    """
    import torch

    ordered, tokens = (logits / manner.temperature).sort(dim=-1, descending=True)
    if manner.top_k:
        ordered[:, manner.top_k :] = float("-inf")
    shares = ordered.softmax(-1)
    # The token that crosses the threshold is still among those drawn from.
    shares[(shares.cumsum(-1) - shares) >= manner.top_p] = 0.0
    reached = shares.cumsum(-1)
    aim = torch.from_numpy(chance).to(reached) * reached[:, -1]
    place = torch.searchsorted(reached, aim[:, None], right=True).clamp(max=reached.shape[1] - 1)
    return list(tokens.gather(1, place)[:, 0].tolist())


def _stopped(tokenizer: Any, tokens: Sequence[int], stops: Sequence[str]) -> bool:
    """Tell whether the end of a text holds a string that stops it."""
    longest = max(len(stop) for stop in stops)
    # A token is at least one character in nearly all cases; one that is part of a character adds none.
    tail = tokenizer.decode(tokens[-(longest + 4) :])
    return any(stop in tail for stop in stops)


def cut(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of the strings that stop it.

    >>> cut("42.\\nQ: next", ["\\nQ:", "."])
    '42'
    """
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
