"""The spool: what scoring needs of a stream's rows, kept as they pass, so that nothing is streamed twice.

A folder of Arrow files, one a segment of rows, each there whole or not at all: memory-mapped as they are, no
conversion in between. `end.json` says how many rows there were once the stream has been read to its end.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.inference.chunks import Chunk, Stored
from tasks.inference.segments import cover, gaps

if TYPE_CHECKING:
    import datasets

HEAD = "head.arrow"
_NAME = re.compile(r"rows-(\d+)-(\d+)\.arrow")


@dataclass(frozen=True)
class Spool:
    """The kept rows of one stream."""

    folder: Path

    @property
    def rows(self) -> int | None:
        """How many rows the stream has; None while it has not been read to its end."""
        try:
            return int(json.loads((self.folder / "end.json").read_text(encoding="utf-8"))["rows"])
        except FileNotFoundError:
            return None

    @property
    def kept(self) -> int:
        """How many rows are kept, from the first on, without a gap."""
        return self.rows or gaps(cover(self._segments()), None)[0][0]

    def dataset(self, rows: int) -> datasets.Dataset:
        """Open the first `rows` rows, memory-mapped.

        Raises:
            FileNotFoundError: Fewer are kept.
        """
        return _opened(self.folder, rows, tuple(self._segments()))

    def head(self) -> datasets.Dataset | None:
        """Open the rows that were kept to look at before a model loads; None when there are none."""
        import datasets

        path = self.folder / HEAD
        return datasets.Dataset.from_file(str(path)) if path.is_file() else None

    def keep_head(self, table: pa.Table) -> None:
        """Keep the rows to look at before a model loads."""
        self._write(HEAD, lambda path: _write_arrow(path, table))

    def write(self, start: int, table: pa.Table) -> None:
        """Keep a segment that begins with row `start`."""
        chunk = Chunk(start, start + table.num_rows)
        self._write(_name(chunk), lambda path: _write_arrow(path, table))

    def end(self, rows: int) -> None:
        """Say that the stream has this many rows, all of them kept."""
        self._write("end.json", lambda path: path.write_text(json.dumps({"rows": rows}), encoding="utf-8"))

    def _segments(self) -> list[Stored]:
        there = os.listdir(self.folder) if self.folder.is_dir() else []
        found = [match for match in map(_NAME.fullmatch, there) if match]
        return sorted(
            (Stored(Chunk(int(match[1]), int(match[2])), 0, 0.0) for match in found),
            key=lambda each: (each.chunk.start, each.chunk.stop),
        )

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{uuid.uuid4().hex}.part"
        try:
            write(temporary)
            temporary.replace(self.folder / name)
        finally:
            temporary.unlink(missing_ok=True)


def _name(chunk: Chunk) -> str:
    return f"rows-{chunk.start:012d}-{chunk.stop:012d}.arrow"


def _write_arrow(path: Path, table: pa.Table) -> None:
    # The stream format: what `datasets` maps.
    with pa.OSFile(str(path), "wb") as opened, pa.ipc.new_stream(opened, table.schema) as writer:
        writer.write_table(table)


@lru_cache(maxsize=4)
def _opened(folder: Path, rows: int, segments: tuple[Stored, ...]) -> datasets.Dataset:
    import datasets

    chosen = cover(segments, rows)
    if gaps(chosen, rows):
        raise FileNotFoundError(f"Rows of the stream are missing from {folder}; it must be read again.")
    parts = []
    for segment in chosen:
        chunk = segment.stored.chunk
        part = datasets.Dataset.from_file(str(folder / _name(chunk)))
        parts.append(part.select(range(segment.start - chunk.start, segment.stop - chunk.start)))
    return datasets.concatenate_datasets(parts)
