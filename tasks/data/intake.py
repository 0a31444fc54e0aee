"""Intake: the input rows of chunks, in order, from a stream, while what scoring needs of them is spooled."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tasks.data.sampling import PICTURED, Sampling
from tasks.data.streams import media, without_media
from tasks.errors import AssayError
from tasks.inference.chunks import Chunk
from tasks.inference.predictor import ROW
from tasks.load import RowsReference, head_rows, spool_of, stream
from tasks.types.nesting import roots, values

SEGMENT_ROWS = 20_000
SEGMENT_BYTES = 32 << 20
"""Rows and bytes that gather before a segment is spooled: what a crash makes the next run read again."""


class Intake:
    """Reads the rows of a stream once, front to back.

    Rows that are spooled already are taken from the spool, unless the model sees images or sounds: of those
    the spool holds only the few that a run shows.
    """

    def __init__(self, rows: RowsReference, inputs: Mapping[str, str]) -> None:
        """Open nothing yet.

        Args:
            rows: A streamed reference.
            inputs: The columns the model sees by canonical name, each with what it reads of the dataset.
        """
        self._rows = rows
        self._inputs = dict(inputs)
        self._spool = spool_of(rows)
        self._count = self._spool.rows
        self._spooled = self._readable = self._spool.kept
        features = head_rows(rows).features
        self._needed = sorted({each for name in self._inputs.values() for each in roots(name, features)})
        if not set(self._needed).isdisjoint(media(features)):
            self._readable = 0
        self._stream: Generator[pa.Table, None, None] | None = None
        self._position = 0
        self._held: list[tuple[int, pa.Table]] = []
        self._gathered: list[pa.Table] = []
        self._sampling: Sampling | None = None

    def read(self, chunk: Chunk) -> Sequence[Mapping[str, Any]]:
        """Return the input rows of a chunk, fewer where the stream ends; chunks must come in order."""
        if self._count is not None:
            chunk = Chunk(chunk.start, max(min(chunk.stop, self._count), chunk.start))
        if chunk.stop <= self._readable:
            opened = self._spool.dataset(self._readable).with_format("arrow")
            return (
                self._named(opened[chunk.start : chunk.stop], chunk.start) if chunk.stop > chunk.start else []
            )
        while self._position < chunk.stop and self._advance(chunk.start):
            pass
        self._held = [(first, table) for first, table in self._held if first + len(table) > chunk.start]
        parts = [
            table.slice(max(chunk.start - first, 0), chunk.stop - max(chunk.start, first))
            for first, table in self._held
            if first < chunk.stop
        ]
        return self._named(pa.concat_tables(parts), chunk.start) if parts else []

    def finish(self) -> int:
        """Read on to the end, for what is still to be spooled, and return how many rows there are."""
        while self._count is None:
            self._advance(None)
        return self._count

    def close(self) -> None:
        """Stop reading; what was spooled stays, the rest is read again by the next run."""
        if self._stream is not None:
            self._stream.close()

    def _named(self, table: pa.Table, start: int) -> list[dict[str, Any]]:
        there = table.select(self._needed).to_pydict()
        found = {name: values(there, column) for name, column in self._inputs.items()}
        return [
            {ROW: start + place, **{name: found[name][place] for name in found}}
            for place in range(len(table))
        ]

    def _advance(self, wanted_from: int | None) -> bool:
        """Take the next table of the stream, and hold it where rows from `wanted_from` on are in it."""
        if self._stream is None:
            self._stream = stream(self._rows)
        table = next(self._stream, None)
        if table is None:
            self._end()
            return False
        first, self._position = self._position, self._position + len(table)
        if self._count is None:
            self._gather(first, table)
        if wanted_from is not None and self._position > wanted_from:
            self._held.append((first, table))
        return True

    def _gather(self, first: int, table: pa.Table) -> None:
        """Keep the rows that are not spooled yet, without images and sounds but for those a run may show."""
        start = self._spooled + sum(map(len, self._gathered))
        if self._position <= start:
            return
        if self._sampling is None:
            self._sampling = Sampling(PICTURED, start)
        new = table.slice(start - first)
        self._gathered.append(without_media(new, self._sampling.keeps(start, self._position)))
        rows, size = (
            sum(sizes) for sizes in zip(*((len(each), each.nbytes) for each in self._gathered), strict=True)
        )
        if rows >= SEGMENT_ROWS or size >= SEGMENT_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            gathered, self._gathered = pa.concat_tables(self._gathered), []
            self._spool.write(self._spooled, gathered)
            self._spooled += len(gathered)

    def _end(self) -> None:
        if self._count is None:
            self._flush()
            self._spool.end(self._position)
            self._count = self._position
        elif self._position != self._count:
            raise AssayError(
                f"The stream of '{self._rows.name}' ended after {self._position} rows, and after "
                f"{self._count} when it was read before; its rows cannot be relied on."
            )
