"""Training on the spot: small classifiers from scratch, seeded, in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def fit(
    model: Any,
    batches: Callable[[int], Sequence[dict[str, Any]]],
    *,
    epochs: int,
    rate: float,
) -> Any:
    """Train a model whose output has a loss, with AdamW and a linear decline of the learning rate.

    Args:
        model: A transformers model.
        batches: The batches of an epoch, by its number.
        epochs: How often to go through the data.
        rate: The learning rate at the start.
    """
    import torch

    steps = epochs * len(batches(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=steps)
    model.train()
    for epoch in range(epochs):
        for batch in batches(epoch):
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return model.eval()


def shuffled(count: int, size: int, epoch: int) -> list[list[int]]:
    """Return the positions of an epoch's batches, in an order that depends on the epoch alone.

    >>> sorted(each for batch in shuffled(5, 2, epoch=1) for each in batch)
    [0, 1, 2, 3, 4]
    """
    import random

    order = list(range(count))
    random.Random(epoch).shuffle(order)
    return [order[start : start + size] for start in range(0, count, size)]
