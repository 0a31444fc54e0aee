"""Windows hold as many chunks as make batches alike, and no more than memory has room for."""

from __future__ import annotations

import numpy as np

from tasks.inference import windows
from tasks.inference.chunks import Chunk
from tasks.inference.predictor import Item
from tasks.inference.readahead import Prepared


def chunk(number: int, size: int) -> Prepared:
    """Return a chunk of two rows of differing cost, each with a picture of `size` bytes."""
    items = {
        place: Item(({"pixel_values": np.zeros(size, np.uint8)}, (1, 1)), cost=1.0 + place * 1e-6)
        for place in range(2)
    }
    return Prepared(Chunk(2 * number, 2 * number + 2), items, {})


def sizes(count: int, size: int) -> list[int]:
    made = windows.windows((chunk(number, size) for number in range(count)), lambda: 8.0, lambda: 1000.0)
    return [len(window) for window in made]


def test_heavy_rows_end_a_window_before_memory_does() -> None:
    quarter = windows.BYTES // 8
    assert sizes(10, 10) == [10]
    assert sizes(10, quarter) == [4, 4, 2]
    assert sizes(3, windows.BYTES) == [1, 1, 1]


def test_rows_are_in_one_window_each_in_order() -> None:
    made = windows.windows((chunk(number, 10) for number in range(70)), lambda: 8.0, lambda: 1e9)
    starts = [[each.chunk.start for each in window] for window in made]
    assert [start for window in starts for start in window] == list(range(0, 140, 2))
    assert max(map(len, starts)) == windows.CHUNKS
