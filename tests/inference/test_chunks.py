"""A chunk is there whole or not at all, and a key tells apart all that can change a prediction."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tasks.inference.chunks import Chunk, ChunkStore, Stored, key_of

SCHEMA = pa.schema([pa.field("row", pa.int64()), pa.field("label", pa.string())])
ROWS = [{"row": 0, "label": "a"}, {"row": 1, "label": None}]


def store(folder: Path) -> ChunkStore:
    return ChunkStore(str(folder), "abcdef", SCHEMA)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    chunks = store(tmp_path)
    assert chunks.read(Chunk(0, 2)) is None
    chunks.write(Chunk(0, 2), ROWS, seconds=1.5)
    found = chunks.read(Chunk(0, 2))
    assert found is not None
    assert found.to_pylist() == ROWS
    assert chunks.stored() == [Stored(Chunk(0, 2), failed=0, seconds=1.5)]
    assert [path.name for path in Path(chunks.folder).iterdir()] == [Chunk(0, 2).name]


@pytest.mark.parametrize("damage", [b"", b"PAR1 not a table", None])
def test_a_damaged_chunk_is_as_good_as_none(tmp_path: Path, damage: bytes | None) -> None:
    chunks = store(tmp_path)
    chunks.write(Chunk(0, 2), ROWS, seconds=0)
    path = Path(chunks.folder) / Chunk(0, 2).name
    path.write_bytes(path.read_bytes()[:-9] if damage is None else damage)
    assert chunks.read(Chunk(0, 2)) is None
    assert chunks.stored() == []


def test_a_chunk_of_other_rows_or_another_schema_is_not_taken(tmp_path: Path) -> None:
    chunks = store(tmp_path)
    chunks.write(Chunk(0, 2), ROWS, seconds=0)
    (Path(chunks.folder) / Chunk(0, 2).name).rename(Path(chunks.folder) / Chunk(0, 3).name)
    assert chunks.read(Chunk(0, 3)) is None
    assert chunks.stored() == []
    other = ChunkStore(str(tmp_path), "abcdef", pa.schema([pa.field("row", pa.int64())]))
    chunks.write(Chunk(0, 2), ROWS, seconds=0)
    assert other.read(Chunk(0, 2)) is None


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = store(tmp_path)

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(chunks._files, "mv", broken)
    with pytest.raises(OSError, match="disk full"):
        chunks.write(Chunk(0, 2), ROWS, seconds=0)
    assert list(Path(chunks.folder).iterdir()) == []


def test_chunks_also_live_in_memory_or_elsewhere() -> None:
    chunks = ChunkStore("memory://assay-chunks", "k" * 10, SCHEMA)
    chunks.write(Chunk(0, 2), ROWS, seconds=0)
    found = chunks.read(Chunk(0, 2))
    assert found is not None
    assert found.num_rows == 2


def test_keys_differ_with_every_pin() -> None:
    pins = {"model": "m", "rows": "r", "dtype": "float32", "preprocessing": {"max_tokens": None}}
    keys = {key_of(pins)}
    for name in pins:
        keys.add(key_of({**pins, name: "other"}))
    assert len(keys) == 1 + len(pins)


def test_documents_are_kept_beside_the_chunks(tmp_path: Path) -> None:
    chunks = store(tmp_path)
    assert chunks.noted("efficiency") is None
    chunks.note("efficiency", {"rows_per_second": 2.5})
    chunks.note("efficiency", {"rows_per_second": 3.5})
    assert chunks.noted("efficiency") == {"rows_per_second": 3.5}
    assert chunks.stored() == []
