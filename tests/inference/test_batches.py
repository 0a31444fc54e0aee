"""Batches hold every row once and stay under their budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.inference.batches import plan

COSTS = st.lists(st.integers(1, 500), max_size=200)


@given(COSTS, st.integers(1, 2000))
def test_every_row_is_in_one_batch_and_padding_fits_the_budget(costs: list[int], budget: int) -> None:
    batches = plan(costs, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(costs)))
    for batch in batches:
        padded = len(batch) * max(costs[row] for row in batch)
        assert padded <= budget or len(batch) == 1


@given(COSTS)
def test_rows_of_like_cost_lie_together(costs: list[int]) -> None:
    order = [costs[row] for batch in plan(costs, 1000) for row in batch]
    assert order == sorted(costs, reverse=True)
