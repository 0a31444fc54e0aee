"""Windows: chunks whose rows are sorted and batched together, so that batches pad little.

The larger a window, the more alike the rows of a batch; the smaller, the less a crash loses and the less
memory it takes. It grows until it is seconds of work or many batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tasks.inference.readahead import Prepared

SECONDS = 10.0
"""Work that a window holds at most, beyond its first chunk: what a crash loses at most."""

BATCHES = 160
"""Batches after which a larger window would pad hardly less."""

CHUNKS = 32
"""Chunks that a window holds at most."""


def windows(
    prepared: Iterable[Prepared], budget: Callable[[], float], pace: Callable[[], float]
) -> Iterator[list[Prepared]]:
    """Group chunks into windows.

    Args:
        prepared: Chunks in order.
        budget: The most cost of a batch, now.
        pace: Cost done in a second, as measured so far; 0 where nothing has been.

    The first window is one chunk, since nothing is known of the pace; so is every one of rows that cost
    the same, which pad nothing.
    """
    window: list[Prepared] = []
    cost = 0.0
    costs: set[float] = set()
    for each in prepared:
        window.append(each)
        cost += each.cost
        costs.update(item.cost for item in each.items.values())
        enough = min(BATCHES * budget(), SECONDS * pace())
        if cost >= enough or len(window) == CHUNKS or len(costs) < 2:
            yield window
            window, cost = [], 0.0
            costs.clear()
    if window:
        yield window
