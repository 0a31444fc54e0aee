"""Processes on one chunk store divide its chunks; one that dies leaves its chunks to the others."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks import candidates, predict
from tasks.fleet.sharing import share
from tasks.inference import claims as claims_module
from tasks.inference.chunks import Chunk, ChunkStore, chunks_of
from tasks.inference.claims import Claims
from tasks.inference.tally import Tally
from tests.endpoint.server import Talker, running
from tests.fleet.buckets import bucket
from tests.fleet.talk import CHUNK_ROWS, ROWS, described, planned, right

SCHEMA = pa.schema([pa.field("row", pa.int64())])
HERE = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChunkStore]:
    if request.param == "folder":
        yield ChunkStore(str(tmp_path), "abcdef", SCHEMA)
        return
    monkeypatch = request.getfixturevalue("monkeypatch")
    with bucket(monkeypatch) as url:
        yield ChunkStore(url, "abcdef", SCHEMA)


def claim(store: ChunkStore, chunk: Chunk) -> str:
    return f"{store.folder}/claims/rows-{chunk.start:09d}-{chunk.stop:09d}.claim"


def written(store: ChunkStore, chunks: Iterable[Chunk]) -> Tally:
    tally = Tally()
    for chunk in chunks:
        store.write(chunk, [{"row": row} for row in range(chunk.start, chunk.stop)], 0.0)
        tally.rows += chunk.stop - chunk.start
    return tally


def test_what_one_has_claimed_the_other_does_not_get(store: ChunkStore) -> None:
    chunks = chunks_of(40, 4)
    with Claims(store).held() as mine, Claims(store).held() as theirs:
        here, there = mine.free(chunks), theirs.free(chunks)
        found = [(next(here), next(there)) for _ in range(5)]
        assert sorted(sum(found, ()), key=lambda chunk: chunk.start) == chunks
        assert next(here, None) is None
        assert next(there, None) is None
    assert [path for path in store.files.find(store.folder) if "/claims/" in path] == []


def test_a_stored_chunk_is_not_claimed(store: ChunkStore) -> None:
    chunks = chunks_of(12, 4)
    written(store, chunks[:2])
    with Claims(store).held() as mine:
        assert list(mine.free(chunks)) == chunks[2:]


def test_a_dead_process_of_this_machine_holds_nothing(store: ChunkStore) -> None:
    chunks = chunks_of(8, 4)
    dead = "import sys; from tasks.inference.claims import identity; print(identity())"
    named = subprocess.run([sys.executable, "-c", dead], capture_output=True, text=True, check=True, cwd=HERE)
    for chunk in chunks:
        claims_module.storage.put(store.files, claim(store, chunk), named.stdout.strip().encode())
    with Claims(store).held() as mine:
        assert sorted(chunk.start for chunk in mine.free(chunks)) == [0, 4]


def test_a_holder_elsewhere_counts_as_dead_when_its_heart_has_not_beaten(store: ChunkStore) -> None:
    chunks = chunks_of(8, 4)
    beat = f"{store.folder}/claims/elsewhere_1_2_x.beat"
    claims_module.storage.put(store.files, claim(store, chunks[0]), b"elsewhere_1_2_x")
    claims_module.storage.put(store.files, beat, b"0")
    with Claims(store, expiry=0.5).held() as mine:
        assert list(mine.free(chunks)) == [chunks[1]]
        time.sleep(0.4)
        claims_module.storage.put(store.files, beat, b"1")
        time.sleep(0.3)
        assert list(mine.free(chunks[:1])) == []
        time.sleep(0.6)
        assert list(mine.free(chunks[:1])) == chunks[:1]


def test_two_at_once_do_each_chunk_once(store: ChunkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.fleet.sharing.GLANCE", 0.05)
    chunks = chunks_of(120, 4)
    done: list[Tally] = []
    all_at_work = threading.Barrier(3)

    def one() -> None:
        def slowly(wanted: Iterable[Chunk]) -> Tally:
            tally = Tally()
            for number, chunk in enumerate(wanted):
                if not number:
                    all_at_work.wait()
                tally.follow(written(store, [chunk]))
            return tally

        with Claims(store).held() as claims:
            done.append(share(store, chunks, slowly, claims))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.names() == chunks
    assert sum(tally.rows for tally in done) == 120
    assert all(tally.rows for tally in done)


def test_a_chunk_that_nobody_finishes_is_done_here_in_the_end(store: ChunkStore) -> None:
    chunks = chunks_of(8, 4)
    with Claims(store).held() as hung:
        assert next(hung.free(chunks)) == chunks[0]
        with Claims(store).held() as mine:
            tally = share(store, chunks, lambda wanted: written(store, wanted), mine, stuck=0.0)
    assert tally.rows == 8
    assert store.names() == chunks


RUN = """
import json, sys
from tasks import predict
from tests.fleet.talk import planned
stored = predict.predict(*planned(json.loads(sys.argv[1])))
print(json.dumps({"texts": stored.table()["text"].to_pylist(), "reused": stored.tally.reused}))
"""


@pytest.mark.slow
def test_two_processes_share_an_evaluation_and_one_ends_it_when_the_other_is_killed(
    tmp_path: Path, home: Path
) -> None:
    with running(Talker(key="", delay=0.1)) as talker:
        evaluation = described(tmp_path, talker)
        command = [sys.executable, "-c", RUN, json.dumps(evaluation)]
        processes = [subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        plan, candidate = planned(evaluation)
        store = candidates.store_of(plan, candidate)
        holders: set[bytes] = set()
        try:
            while len(holders) < 2 or len(store.names()) < 6:
                assert all(process.poll() is None for process in processes)
                for path in store.files.glob(f"{store.folder}/claims/*.claim"):
                    holders.add(Path(path).read_bytes())
                time.sleep(0.05)
            assert len(store.names()) < ROWS // CHUNK_ROWS - 4
            processes[0].kill()
            said, _ = processes[1].communicate(timeout=200)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        assert found["texts"] == right()
        assert 0 < found["reused"] < ROWS
        # What the killed one had in hand was asked again, and nothing else.
        assert ROWS <= len(talker.asked) <= ROWS + 3 * CHUNK_ROWS
        assert list(Path(store.folder).glob("claims/*.beat")) != []
        assert predict.predict(plan, candidate).tally.reused == ROWS
