"""Chunks on S3: whole or not at all, listed, resumed; and what cannot be used is one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from tasks import predict
from tasks.errors import BadEvaluation, NoAccess, NotFound, OutOfReach
from tasks.inference import storage
from tasks.inference.chunks import Chunk, ChunkStore, Stored
from tests.fleet.buckets import bucket
from tests.fleet.test_workers import planned

SCHEMA = pa.schema([pa.field("row", pa.int64()), pa.field("label", pa.string())])
ROWS = [{"row": 0, "label": "a"}, {"row": 1, "label": None}]


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with bucket(monkeypatch) as found:
        monkeypatch.setenv("ASSAY_CHUNKS", found)
        yield found


def test_chunks_and_documents_on_s3_are_written_whole_listed_and_removed(url: str) -> None:
    chunks = ChunkStore(url, "abcdef", SCHEMA)
    assert chunks.stored() == []
    assert chunks.read(Chunk(0, 2)) is None
    assert chunks.noted("pins") is None
    chunks.describe({"model": "m"})
    chunks.describe({"model": "another"})
    chunks.write(Chunk(0, 2), ROWS, seconds=1.5)
    chunks.write(Chunk(2, 4), ROWS, seconds=0.5)
    assert chunks.noted("pins") == {"model": "m"}
    found = chunks.read(Chunk(0, 2))
    assert found is not None
    assert found.to_pylist() == ROWS
    assert chunks.stored() == [Stored(Chunk(0, 2), 0, 1.5), Stored(Chunk(2, 4), 0, 0.5)]
    chunks.remove(Chunk(0, 2))
    assert chunks.names() == [Chunk(2, 4)]
    files = fsspec.filesystem("s3")
    assert not [path for path in files.find(url) if path.endswith(".part")]


@pytest.mark.parametrize("damage", [b"", b"PAR1 not a table", None])
def test_a_damaged_chunk_on_s3_is_as_good_as_none(url: str, damage: bytes | None) -> None:
    chunks = ChunkStore(url, "abcdef", SCHEMA)
    chunks.write(Chunk(0, 2), ROWS, seconds=0)
    files = fsspec.filesystem("s3")
    path = f"{chunks.folder}/{Chunk(0, 2).name}"
    files.pipe_file(path, files.cat_file(path)[:-9] if damage is None else damage)
    assert chunks.read(Chunk(0, 2)) is None
    assert chunks.stored() == []


def test_a_footer_longer_than_what_is_read_of_it_first(url: str) -> None:
    wide = pa.schema([pa.field(f"column {number:04d}", pa.int64()) for number in range(400)])
    chunks = ChunkStore(url, "abcdef", wide)
    chunks.write(Chunk(0, 1), [{}], seconds=1.0)
    assert chunks.stored() == [Stored(Chunk(0, 1), 0, 1.0)]


def test_one_of_two_creates_a_file(url: str, tmp_path: Path) -> None:
    for place in (url, str(tmp_path / "chunks")):
        files, root = storage.opened(place)
        made = [storage.create(files, f"{root}/claim", word) for word in (b"first", b"second")]
        assert made == [True, False]
        assert files.cat_file(f"{root}/claim") == b"first"


@pytest.mark.slow
def test_an_evaluation_stored_on_s3_is_resumed_from_there(
    demo: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, candidate = planned(demo)
    on_s3 = predict.predict(plan, candidate)
    store = on_s3.store()
    there = store.stored()
    assert len(there) == -(-on_s3.rows // 20)
    for each in there[1:3]:
        store.remove(each.chunk)
    again = predict.predict(plan, candidate)
    assert again.rows - again.tally.reused == 40
    monkeypatch.delenv("ASSAY_CHUNKS")
    here = predict.predict(plan, candidate)
    assert here.tally.reused == 0
    assert again.table()["label"].to_pylist() == here.table()["label"].to_pylist()


def test_a_store_that_cannot_be_used_is_one_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.check(url)
    assert fsspec.filesystem("s3").find(url) == []
    with pytest.raises(NotFound, match="s3://no-such-bucket/chunks' is not there"):
        storage.check("s3://no-such-bucket/chunks")
    with pytest.raises(BadEvaluation, match=re.escape("Did you mean 's3://'?")):
        storage.check("s33://bucket/chunks")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(NoAccess, match="may not be written to: Unable to locate credentials"):
        storage.check(url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(OutOfReach, match="cannot be used"):
        storage.check(url)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutOfReach, match="cannot be used: NotADirectoryError"):
        storage.check(str(tmp_path / "file" / "chunks"))
