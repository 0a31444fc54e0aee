"""Segments: which stored chunks, or parts of them, make up the rows of a dataset, and which rows are missing.

Chunks of different sizes may overlap, as after the setting changed; every row is taken from one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.inference.chunks import Chunk, ChunkStore, Stored


@dataclass(frozen=True)
class Segment:
    """The rows `start` to `stop` (not included), to be read from one stored chunk."""

    stored: Stored
    start: int
    stop: int


def cover(stored: Iterable[Stored], rows: int | None = None) -> list[Segment]:
    """Choose for every stored row the chunk to read it from, in the order of rows.

    A chunk whose rows all failed is taken only where there is nothing better.

    Args:
        stored: The chunks there are.
        rows: How many rows are wanted; None for all there are.

    >>> from tasks.inference.chunks import Chunk, Stored
    >>> there = [Stored(Chunk(0, 4), 0, 1.0), Stored(Chunk(2, 6), 0, 1.0), Stored(Chunk(8, 9), 0, 1.0)]
    >>> [(each.start, each.stop) for each in cover(there)]
    [(0, 4), (4, 6), (8, 9)]
    """
    inside = [each for each in stored if rows is None or each.chunk.start < rows]
    good = sorted((each for each in inside if not each.failed_whole), key=_first_and_longest)
    failed = sorted((each for each in inside if each.failed_whole), key=_first_and_longest)
    chosen = _taken(good, [(0, rows)])
    if failed:
        chosen += _taken(failed, gaps(chosen, rows))
    return sorted(chosen, key=lambda segment: segment.start)


def predicted(stored: Iterable[Stored], rows: int | None = None) -> list[Segment]:
    """Return the segments that need no prediction: those of chunks that did not fail whole."""
    return [segment for segment in cover(stored, rows) if not segment.stored.failed_whole]


def read(store: ChunkStore, segment: Segment) -> pa.Table:
    """Read the rows of a segment.

    Raises:
        FileNotFoundError: Its chunk is not there, or damaged.
    """
    chunk = segment.stored.chunk
    table = store.read(chunk)
    if table is None:
        raise FileNotFoundError(f"The chunk {chunk.name} is missing from {store.folder}.")
    return table.slice(segment.start - chunk.start, segment.stop - segment.start)


def read_all(store: ChunkStore, rows: int) -> pa.Table:
    """Read all predictions of a store, in the order of the rows.

    Raises:
        FileNotFoundError: Some are not there.
    """
    segments = cover(store.stored(), rows)
    if gaps(segments, rows):
        raise FileNotFoundError(f"Predictions are missing from {store.folder}.")
    return pa.concat_tables([read(store, segment) for segment in segments])


def _first_and_longest(stored: Stored) -> tuple[int, int]:
    return stored.chunk.start, -stored.chunk.stop


def _taken(stored: Sequence[Stored], wanted: Sequence[tuple[int, int | None]]) -> list[Segment]:
    chosen = []
    for first, last in wanted:
        position = first
        for each in stored:
            stop = each.chunk.stop if last is None else min(each.chunk.stop, last)
            start = max(each.chunk.start, position)
            if start < stop:
                chosen.append(Segment(each, start, stop))
                position = stop
    return chosen


def gaps(segments: Sequence[Segment], rows: int | None) -> list[tuple[int, int | None]]:
    """Return the ranges of rows that no segment holds; the last is open where the row count is unknown.

    >>> gaps([], 3), gaps([], None)
    ([(0, 3)], [(0, None)])
    """
    found: list[tuple[int, int | None]] = []
    position = 0
    for segment in sorted(segments, key=lambda each: each.start):
        if segment.start > position:
            found.append((position, segment.start))
        position = max(position, segment.stop)
    if rows is None or position < rows:
        found.append((position, rows))
    return found


def missing(segments: Sequence[Segment], rows: int | None, size: int) -> Iterator[Chunk]:
    """Cut the rows that are not stored into chunks of a size; without end where the row count is unknown.

    Cuts lie at multiples of the size, so that processes that started at different times, and saw different
    chunks stored, cut alike.

    >>> [(chunk.start, chunk.stop) for chunk in missing([], 5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    >>> there = [Segment(Stored(Chunk(0, 3), 0, 1.0), 0, 3)]
    >>> [(chunk.start, chunk.stop) for chunk in missing(there, 7, 2)]
    [(3, 4), (4, 6), (6, 7)]
    """
    for first, last in gaps(segments, rows):
        start = first
        while last is None or start < last:
            cut = (start // size + 1) * size
            stop = cut if last is None else min(cut, last)
            yield Chunk(start, stop)
            start = stop
