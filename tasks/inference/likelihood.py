"""Likelihood: how probable a model finds continuations of a context.

A context is read once for all its continuations, and what all contexts of a batch begin with, as few-shot
examples, once for all of them. A continuation of one token is read from the context's own logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.inference.decoder import Decoder, left_padded

SHARED = 32
"""Tokens that contexts must begin with in common for reading them apart to pay."""


@dataclass(frozen=True)
class Question:
    """Tokens of a context, at least one, and of each of its continuations, at least one each."""

    context: Sequence[int]
    continuations: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Likelihood:
    """The natural logarithm of a continuation's probability, and whether greedy writing would give it."""

    log_probability: float
    greedy: bool


def likelihoods(decoder: Decoder, questions: Sequence[Question]) -> list[list[Likelihood]]:
    """Return the likelihood of every continuation, question by question."""
    import torch

    device = decoder.network.device
    contexts = [question.context for question in questions]
    even = len({len(context) for context in contexts}) == 1
    shared = common_prefix(contexts) if even or not decoder.slides else 0
    rest = [list(question.context[shared:]) for question in questions]
    if shared:
        reading = decoder.begin(1)
        prefix = torch.tensor([list(questions[0].context[:shared])], device=device)
        decoder.read(reading, prefix, torch.ones_like(prefix))
        reading.select(torch.zeros(len(questions), dtype=torch.long, device=device))
    else:
        reading = decoder.begin(len(questions))
    logits = decoder.read(reading, *left_padded(rest, device, rest[0][0]))[:, -1]
    first = logits.log_softmax(-1)
    best = logits.argmax(-1)
    owners = [(row, each) for row, question in enumerate(questions) for each in question.continuations]
    sums = [float(first[row, tokens[0]]) for row, tokens in owners]
    greedy = [int(best[row]) == tokens[0] for row, tokens in owners]
    longer = [number for number, (_, tokens) in enumerate(owners) if len(tokens) > 1]
    if longer:
        reading.select(torch.tensor([owners[number][0] for number in longer], device=device))
        _add_later_tokens(decoder, reading, [owners[number][1] for number in longer], longer, sums, greedy)
    found = iter(Likelihood(total, right) for total, right in zip(sums, greedy, strict=True))
    return [[next(found) for _ in question.continuations] for question in questions]


def _add_later_tokens(
    decoder: Decoder,
    reading: Any,
    continuations: Sequence[Sequence[int]],
    numbers: Sequence[int],
    sums: list[float],
    greedy: list[bool],
) -> None:
    """Read continuations but for their last token, and add the probabilities of all but their first."""
    import torch

    device = decoder.network.device
    longest = max(len(tokens) for tokens in continuations) - 1
    ids = torch.zeros(len(continuations), longest, dtype=torch.long, device=device)
    real = torch.zeros_like(ids)
    aims = torch.zeros_like(ids)
    for row, tokens in enumerate(continuations):
        length = len(tokens) - 1
        ids[row, :length] = torch.tensor(list(tokens[:-1]), device=device)
        aims[row, :length] = torch.tensor(list(tokens[1:]), device=device)
        real[row, :length] = 1
    logits = decoder.read(reading, ids, real, keep=0)
    logarithms = logits.log_softmax(-1).gather(-1, aims[..., None])[..., 0]
    totals = (logarithms * real).sum(1).tolist()
    right = ((logits.argmax(-1) == aims) | (real == 0)).all(1).tolist()
    for number, total, all_right in zip(numbers, totals, right, strict=True):
        sums[number] += total
        greedy[number] = greedy[number] and all_right


def common_prefix(contexts: Sequence[Sequence[int]]) -> int:
    """Return how many first tokens all contexts share, leaving one of each; 0 where it does not pay.

    >>> common_prefix([[7] * 40 + [1], [7] * 40 + [2, 3]]), common_prefix([[1, 2], [1, 2]])
    (40, 0)
    """
    if len(contexts) < 2:
        return 0
    shortest, longest = min(contexts, key=tuple), max(contexts, key=tuple)
    most = min(len(context) for context in contexts) - 1
    shared = 0
    while shared < most and shortest[shared] == longest[shared]:
        shared += 1
    return shared if shared >= SHARED else 0
