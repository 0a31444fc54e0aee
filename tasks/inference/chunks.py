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
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

SECONDS = b"assay.seconds"


@dataclass(frozen=True)
class Chunk:
    """A contiguous range of rows, `start` included, `stop` not."""

    start: int
    stop: int

    @property
    def name(self) -> str:
        """The chunk's file name."""
        return f"rows-{self.start:09d}-{self.stop:09d}.parquet"


def chunks_of(rows: int, size: int) -> list[Chunk]:
    """Cut a number of rows into chunks of a size.

    >>> [(chunk.start, chunk.stop) for chunk in chunks_of(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    return [Chunk(start, min(start + size, rows)) for start in range(0, rows, size)]


def seconds_of(table: pa.Table) -> float:
    """Return how long a stored chunk took to compute; 0 where it does not say."""
    return float((table.schema.metadata or {}).get(SECONDS, 0.0))


def key_of(pins: Mapping[str, Any]) -> str:
    """Return the key of a prediction set: a digest of its pins, the order of which does not matter.

    >>> key_of({"model": "a", "rows": "b"}) == key_of({"rows": "b", "model": "a"})
    True
    """
    return hashlib.sha256(json.dumps(pins, sort_keys=True).encode()).hexdigest()[:40]


class ChunkStore:
    """Chunks of one prediction set below an fsspec URL."""

    def __init__(self, url: str, key: str, schema: pa.Schema) -> None:
        self._files, root = fsspec.core.url_to_fs(url)
        self._folder = f"{root.rstrip('/')}/{key[:2]}/{key}"
        self._schema = schema

    @property
    def folder(self) -> str:
        """Where the chunks lie."""
        return self._folder

    def describe(self, pins: Mapping[str, Any]) -> None:
        """Write beside the chunks what the key stands for, for people."""
        path = f"{self._folder}/pins.json"
        if not self._files.exists(path):
            self._write(path, json.dumps(pins, indent=2, sort_keys=True).encode())

    def has(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is stored."""
        return bool(self._files.exists(f"{self._folder}/{chunk.name}"))

    def read(self, chunk: Chunk) -> pa.Table | None:
        """Return a chunk, or None when it is not stored, damaged, or of another schema."""
        path = f"{self._folder}/{chunk.name}"
        try:
            table = pq.read_table(io.BytesIO(self._files.cat_file(path)))
        except (FileNotFoundError, pa.ArrowInvalid, OSError):
            return None
        right = table.num_rows == chunk.stop - chunk.start and table.schema.equals(self._schema)
        return table if right else None

    def write(self, chunk: Chunk, predictions: list[dict[str, Any]], seconds: float) -> None:
        """Store a chunk, with the time it took to compute, under a temporary name, then rename it."""
        buffer = io.BytesIO()
        schema = self._schema.with_metadata({SECONDS: repr(seconds)})
        pq.write_table(pa.Table.from_pylist(predictions, schema=schema), buffer, compression="zstd")
        self._write(f"{self._folder}/{chunk.name}", buffer.getvalue())

    def _write(self, path: str, content: bytes) -> None:
        self._files.makedirs(self._folder, exist_ok=True)
        temporary = f"{self._folder}/.{uuid.uuid4().hex}.part"
        try:
            self._files.pipe_file(temporary, content)
            self._files.mv(temporary, path)
        except BaseException:
            with suppress(FileNotFoundError):
                self._files.rm_file(temporary)
            raise

    def tables(self, chunks: list[Chunk]) -> Iterator[pa.Table]:
        """Yield stored chunks in order.

        Raises:
            FileNotFoundError: One is not there or damaged.
        """
        for chunk in chunks:
            table = self.read(chunk)
            if table is None:
                raise FileNotFoundError(f"The chunk {chunk.name} is missing from {self._folder}.")
            yield table.replace_schema_metadata(None)
