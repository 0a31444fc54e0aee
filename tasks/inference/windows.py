"""Windows: chunks whose rows are sorted and batched together, so that batches pad little.

The larger a window, the more alike the rows of a batch; the smaller, the less a crash loses and the less
memory it takes. It grows until it is seconds of work or many batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tasks.inference.readahead import Prepared

SECONDS = 10.0
"""Work that a window holds at most, beyond its first chunk: what a crash loses at most."""

BATCHES = 160
"""Batches after which a larger window would pad hardly less."""

CHUNKS = 32
"""Chunks that a window holds at most."""

BYTES = 1 << 30
"""Memory that the rows of a window take at most, beyond its first chunk: pictures made ready are large."""


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
    cost, weight = 0.0, 0
    costs: set[float] = set()
    for each in prepared:
        window.append(each)
        cost += each.cost
        size = sum(weight_of(item.features) for item in each.items.values())
        weight += size
        costs.update(item.cost for item in each.items.values())
        enough = min(BATCHES * budget(), SECONDS * pace())
        full = len(window) == CHUNKS or weight + size > BYTES
        if cost >= enough or full or len(costs) < 2:
            yield window
            window, cost, weight = [], 0.0, 0
            costs.clear()
    if window:
        yield window


def weight_of(features: Any) -> int:
    """Return the bytes of the arrays and tensors in a row's features; lists of numbers count for nothing.

    >>> import numpy as np
    >>> weight_of(({"pixel_values": np.zeros((3, 4, 4), np.float32)}, (4, 4), [1, 2]))
    192
    """
    if hasattr(features, "nbytes"):
        return int(features.nbytes)
    if isinstance(features, Mapping):
        return sum(map(weight_of, features.values()))
    if isinstance(features, tuple) or (isinstance(features, list) and features and _nested(features[0])):
        return sum(map(weight_of, features))
    return 0


def _nested(value: Any) -> bool:
    return hasattr(value, "nbytes") or isinstance(value, Mapping | tuple | list)
