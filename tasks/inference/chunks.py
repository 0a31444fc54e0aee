"""The chunk store: predictions as Parquet, one file a chunk, each there whole or not at all.

A prediction set's key is a digest of everything that can change a prediction: the model's commit, the rows,
the column mapping, preprocessing, precision and the task type's version. A chunk's name adds its row range.
This one mechanism is the cache, the resume after a crash, and what lets a new metric be added without
running the model again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.inference import storage

SECONDS = b"assay.seconds"
FAILED = b"assay.failed"
_NAME = re.compile(r"rows-(\d+)-(\d+)\.parquet")
_TAIL = 1 << 14
"""Bytes read from the end of a chunk for its footer, which is seldom longer."""

_AT_ONCE = 1024
"""Chunks whose footers are asked for together: far storage answers many questions in the time of one."""


@dataclass(frozen=True)
class Chunk:
    """A contiguous range of rows, `start` included, `stop` not."""

    start: int
    stop: int

    @property
    def name(self) -> str:
        """The chunk's file name."""
        return f"rows-{self.start:09d}-{self.stop:09d}.parquet"

    @classmethod
    def named(cls, name: str) -> Chunk | None:
        """Return the chunk of a file name; None where it is no chunk's.

        >>> Chunk.named("rows-000000004-000000008.parquet"), Chunk.named("pins.json")
        (Chunk(start=4, stop=8), None)
        """
        found = _NAME.fullmatch(name)
        return cls(int(found[1]), int(found[2])) if found else None


def chunks_of(rows: int, size: int) -> list[Chunk]:
    """Cut a number of rows into chunks of a size.

    >>> [(chunk.start, chunk.stop) for chunk in chunks_of(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    return [Chunk(start, min(start + size, rows)) for start in range(0, rows, size)]


@dataclass(frozen=True)
class Stored:
    """What a stored chunk's footer says: its rows, how many of them failed, and the seconds it took."""

    chunk: Chunk
    failed: int
    seconds: float

    @property
    def failed_whole(self) -> bool:
        """Whether none of its rows was predicted."""
        return self.failed == self.chunk.stop - self.chunk.start


def record(row: int, prediction: Mapping[str, Any] | None, error: str | None) -> dict[str, Any]:
    """Return what is stored of a row: its number, its prediction's fields, and why it failed.

    >>> record(3, {"label": "a"}, None)
    {'row': 3, 'label': 'a', 'error': None}
    """
    return {"row": row, **(prediction or {}), "error": error}


def key_of(pins: Mapping[str, Any]) -> str:
    """Return the key of a prediction set: a digest of its pins, the order of which does not matter.

    >>> key_of({"model": "a", "rows": "b"}) == key_of({"rows": "b", "model": "a"})
    True
    """
    return hashlib.sha256(json.dumps(pins, sort_keys=True).encode()).hexdigest()[:40]


class ChunkStore:
    """Chunks of one prediction set below an fsspec URL."""

    def __init__(self, url: str, key: str, schema: pa.Schema) -> None:
        self._files, root = storage.opened(url)
        self._folder = f"{root}/{key[:2]}/{key}"
        self._schema = schema

    @property
    def files(self) -> Any:
        """The file system they lie on."""
        return self._files

    @property
    def folder(self) -> str:
        """Where the chunks lie."""
        return self._folder

    def describe(self, pins: Mapping[str, Any]) -> None:
        """Write beside the chunks what the key stands for, for people."""
        if not self._files.exists(f"{self._folder}/pins.json"):
            self.note("pins", pins)

    def stored(self) -> list[Stored]:
        """Return the chunks there are, by their footers; damaged ones and those of another schema are not."""
        there = sorted(self._there().items(), key=lambda each: each[0].name)
        found = []
        for first in range(0, len(there), _AT_ONCE):
            found += self._footers(there[first : first + _AT_ONCE])
        return found

    def names(self) -> list[Chunk]:
        """Return the chunks there are by their names alone, which is quick and does not tell damaged ones."""
        return sorted(self._there(), key=lambda chunk: chunk.name)

    def holds(self, chunk: Chunk) -> bool:
        """Tell by its name alone whether a chunk is there."""
        return bool(self._files.exists(f"{self._folder}/{chunk.name}"))

    def _there(self) -> dict[Chunk, int]:
        """Return the chunks there are by name, with their sizes in bytes."""
        try:
            listed = self._files.ls(self._folder, detail=True)
        except FileNotFoundError:
            return {}
        named = [(Chunk.named(each["name"].rpartition("/")[2]), each["size"]) for each in listed]
        return {chunk: size for chunk, size in named if chunk is not None}

    def _footers(self, sized: Sequence[tuple[Chunk, int]]) -> list[Stored]:
        """Read the footers of chunks, given with their sizes."""
        paths = [f"{self._folder}/{chunk.name}" for chunk, _ in sized]
        sizes = [size for _, size in sized]
        starts = [max(0, size - _TAIL) for size in sizes]
        ends = self._files.cat_ranges(paths, starts, sizes, on_error="return")
        found = []
        for (chunk, size), path, tail in zip(sized, paths, ends, strict=True):
            if isinstance(tail, bytes) and len(tail) < min(size, int.from_bytes(tail[-8:-4], "little") + 8):
                tail = self._files.cat_file(path)
            if isinstance(tail, bytes) and (each := self._footer(tail, chunk)):
                found.append(each)
            elif isinstance(tail, Exception) and not isinstance(tail, OSError):
                raise tail
        return found

    def _footer(self, tail: bytes, chunk: Chunk) -> Stored | None:
        try:
            file = pq.ParquetFile(io.BytesIO(tail))
            footer, schema = file.metadata, file.schema_arrow
        except (pa.ArrowInvalid, OSError):
            return None
        if footer.num_rows != chunk.stop - chunk.start or not schema.equals(self._schema):
            return None
        said = footer.metadata or {}
        return Stored(chunk, int(said.get(FAILED, 0)), float(said.get(SECONDS, 0.0)))

    def read(self, chunk: Chunk) -> pa.Table | None:
        """Return a chunk, or None when it is not stored, damaged, or of another schema."""
        path = f"{self._folder}/{chunk.name}"
        try:
            table = pq.read_table(io.BytesIO(self._files.cat_file(path)))
        except (FileNotFoundError, pa.ArrowInvalid, OSError):
            return None
        right = table.num_rows == chunk.stop - chunk.start and table.schema.equals(self._schema)
        return table.replace_schema_metadata(None) if right else None

    def write(self, chunk: Chunk, predictions: list[dict[str, Any]], seconds: float) -> None:
        """Store a chunk, with the time it took to compute, whole or not at all."""
        buffer = io.BytesIO()
        failed = sum(prediction.get("error") is not None for prediction in predictions)
        schema = self._schema.with_metadata({SECONDS: repr(seconds), FAILED: str(failed)})
        pq.write_table(pa.Table.from_pylist(predictions, schema=schema), buffer, compression="zstd")
        storage.put(self._files, f"{self._folder}/{chunk.name}", buffer.getvalue())

    def remove(self, chunk: Chunk) -> None:
        """Remove a stored chunk."""
        self._files.rm_file(f"{self._folder}/{chunk.name}")

    def clear(self) -> None:
        """Remove the whole prediction set."""
        with suppress(FileNotFoundError):
            self._files.rm(self._folder, recursive=True)

    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep a small JSON document beside the chunks, replacing the one of its name."""
        document = json.dumps(content, indent=2, sort_keys=True).encode()
        storage.put(self._files, f"{self._folder}/{name}.json", document)

    def noted(self, name: str) -> dict[str, Any] | None:
        """Return a document kept beside the chunks, None when there is none."""
        try:
            found = json.loads(self._files.cat_file(f"{self._folder}/{name}.json"))
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) else None
