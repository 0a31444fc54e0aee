"""The budget of a batch: found by measuring real batches, halved when memory runs out.

A batch too small leaves the machine waiting for instructions; one too large leaves its caches, and in the
end its memory. Where the best lies depends on the model and the machine, so it is tried: the first window's
rows are predicted in batches of several budgets, and the fastest is kept. Their predictions are kept too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Budgets tried, as multiples of the task type's own."""

ENOUGH = 0.97
"""A smaller budget is kept where it is this near to the fastest: it pads less and needs less memory."""

SHARE = 0.6
"""The most of a window's cost that is spent on trying."""


@dataclass
class Budget:
    """The most cost of a padded batch.

    Attributes:
        value: What it is now.
        fixed: Whether it was asked for, and is not to be tried.
        tried: Cost done in a second at each budget tried.
    """

    value: float
    fixed: bool = False
    tried: dict[float, float] = field(default_factory=dict)

    def halve(self, padded: float) -> None:
        """Take half of what was too much for the memory."""
        self.value = min(self.value, padded) / 2

    def trials(self, costs: Sequence[float]) -> list[tuple[float, list[int]]]:
        """Plan the batches that try budgets: each a budget and the positions of the rows in it.

        The rows are taken around the median cost, twice for each budget, the smaller budgets first; there
        are none where the rows are too few to tell.

        Args:
            costs: Costs of the rows of a window.

        >>> Budget(8.0).trials([1.0] * 4)
        []
        """
        if self.fixed or self.tried or not costs:
            return []
        order = sorted(range(len(costs)), key=lambda position: costs[position])
        middle = max(costs[order[len(order) // 2]], 1e-9)
        wanted = [max(1, int(self.value * step / middle)) for step in STEPS]
        left = SHARE * len(order)
        sizes: list[tuple[float, int]] = []
        for step, size in zip(STEPS, wanted, strict=True):
            if 2 * size > left or any(size == before for _, before in sizes):
                break
            left -= 2 * size
            sizes += [(self.value * step, size)] * 2
        if len(sizes) < 4:
            return []
        total = sum(size for _, size in sizes)
        start = max(0, len(order) // 2 - total // 2)
        planned = []
        for budget, size in sizes:
            planned.append((budget, order[start : start + size]))
            start += size
        return planned

    def settle(self, measured: Sequence[tuple[float, float, float]]) -> None:
        """Keep the fastest of the budgets tried.

        Args:
            measured: Of each trial, the budget, the cost done and the seconds it took.

        >>> budget = Budget(8.0)
        >>> budget.settle([(4.0, 4.0, 1.0), (8.0, 8.0, 1.0), (16.0, 16.0, 2.0)])
        >>> budget.value, budget.tried
        (8.0, {4.0: 4.0, 8.0: 8.0, 16.0: 8.0})
        """
        for budget, cost, seconds in measured:
            pace = cost / max(seconds, 1e-9)
            self.tried[budget] = max(pace, self.tried.get(budget, 0.0))
        if self.tried:
            best = max(self.tried.values())
            self.value = min(budget for budget, pace in self.tried.items() if pace >= ENOUGH * best)
