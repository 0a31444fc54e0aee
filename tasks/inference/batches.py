"""Batches: rows of similar cost together, under a cost budget after padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def plan(costs: Sequence[float], budget: float) -> list[list[int]]:
    """Group row positions into batches whose padded cost (rows times the dearest row) fits a budget.

    Rows are sorted by cost, so that a batch pads little; the dearest come first, so that a budget that does
    not fit in memory shows at once. A row dearer than the budget is a batch of its own.

    Args:
        costs: Cost of each row, in one unit.
        budget: The most a padded batch may cost, in the same unit.

    >>> plan([3, 9, 4, 1], budget=8)
    [[1], [2, 0], [3]]
    """
    order = sorted(range(len(costs)), key=lambda position: (-costs[position], position))
    return list(_grouped(order, costs, budget))


def _grouped(order: Sequence[int], costs: Sequence[float], budget: float) -> Iterator[list[int]]:
    batch: list[int] = []
    for position in order:
        dearest = costs[batch[0]] if batch else costs[position]
        if batch and dearest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
