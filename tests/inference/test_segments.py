"""Segments: every row is read from one chunk, and what is missing is exactly what no chunk holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.inference.chunks import Chunk, Stored
from tasks.inference.segments import cover, gaps, missing

ROWS = 40
RANGES = st.tuples(st.integers(0, ROWS - 1), st.integers(1, 12))
CHUNKS = st.lists(st.tuples(RANGES, st.booleans()), max_size=12)


@given(CHUNKS, st.integers(1, 9))
def test_segments_and_missing_chunks_hold_every_row_once(
    there: list[tuple[tuple[int, int], bool]], size: int
) -> None:
    stored = [
        Stored(Chunk(start, start + length), length if broken else 0, 1.0)
        for (start, length), broken in there
    ]
    segments = cover(stored, ROWS)
    for segment in segments:
        assert segment.stored.chunk.start <= segment.start < segment.stop <= segment.stored.chunk.stop
    held = [row for segment in segments for row in range(segment.start, segment.stop)]
    wanted = [row for chunk in missing(segments, ROWS, size) for row in range(chunk.start, chunk.stop)]
    assert sorted(held + wanted) == list(range(ROWS))
    good = {
        row for each in stored if not each.failed_whole for row in range(each.chunk.start, each.chunk.stop)
    }
    from_good = {
        row
        for segment in segments
        if not segment.stored.failed_whole
        for row in range(segment.start, segment.stop)
    }
    assert from_good == {row for row in good if row < ROWS}


def test_an_unknown_row_count_leaves_the_end_open() -> None:
    stored = [Stored(Chunk(0, 4), 0, 1.0), Stored(Chunk(8, 12), 0, 1.0)]
    assert gaps(cover(stored), None) == [(4, 8), (12, None)]
    chunks = missing(cover(stored), None, 3)
    assert [next(chunks) for _ in range(3)] == [Chunk(4, 6), Chunk(6, 8), Chunk(12, 15)]
