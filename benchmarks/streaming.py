"""A million streamed rows in flat memory, beside loading them all into a list.

Each side runs in a process of its own (`python -m benchmarks.streaming ours|theirs FOLDER`), so that one's
peak is not the other's.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.measurement import Result, result
from tasks.inference.predictor import Decode, Item, Row

ROWS, SHARDS, WORDS = 1_000_000, 20, 50
CHUNK_ROWS = 256


class WordCounter:
    """A predictor that counts words: what is left is the engine's own work and memory."""

    network = None

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Count the words of rows; a row costs its words."""
        counts = [len(row["text"].split()) for row in rows]
        return [Item(count, cost=float(count)) for count in counts]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Return the counts."""
        return lambda: [{"words": item.features} for item in items]


def engine_streaming_memory() -> Result:
    """Peak memory of the engine over a million streamed rows, and of loading them into a list."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "rows")
        ours, theirs = _measured("ours", folder), _measured("theirs", folder)
    assert ours["words"] == theirs["words"]
    mine, other, early = (
        figures / 1e6 for figures in (ours["peak_bytes"], theirs["peak_bytes"], ours["early_peak_bytes"])
    )
    found = result(
        "engine_streaming_memory",
        ours["seconds"],
        theirs["seconds"],
        f"the ratio is of peak memory: {mine:.0f} MB ({early:.0f} MB after the first tenth), theirs "
        f"{other:.0f} MB; {ROWS} rows of {WORDS} words in {SHARDS} Parquet files, streamed, spooled, counted "
        "and stored by the engine, or loaded with datasets into a list and counted",
    )
    return replace(found, ratio=other / mine)


def _write(folder: Path) -> None:
    """Write the rows file by file."""
    import pyarrow.parquet as pq

    folder.mkdir()
    generator = random.Random(0)
    words = [f"w{number:05d}" for number in range(20_000)]
    for shard in range(SHARDS):
        texts = [" ".join(generator.choices(words, k=WORDS)) for _ in range(ROWS // SHARDS)]
        labels = [generator.choice(["yes", "no"]) for _ in texts]
        pq.write_table(pa.table({"text": texts, "label": labels}), folder / f"test-{shard:02d}.parquet")


def _measured(side: str, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", side, folder],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "ASSAY_HOME": f"{folder}/assay", "HF_DATASETS_CACHE": f"{folder}/datasets"},
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak() -> int:
    """Return the most memory this process has held, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def ours(folder: Path) -> dict[str, Any]:
    """Stream, predict and store every row."""
    from tasks import home, load
    from tasks.data.intake import Intake
    from tasks.inference.chunks import ChunkStore, key_of
    from tasks.inference.engine import Flow, predict, stored_schema
    from tasks.inference.segments import missing
    from tasks.spec import Dataset

    rows = load.narrowed(
        load.load(Dataset(path=str(folder / "rows"), streaming=True), 0), {"text": "text", "label": "label"}
    )
    store = ChunkStore(home.chunk_store(), key_of({}), stored_schema(pa.schema([("words", pa.int64())])))
    told, early = 0, 0

    def advance(count: int) -> None:
        nonlocal told, early
        told += count
        if not early and told >= ROWS // 10:
            early = peak()

    with closing(Intake(rows, {"text": "text"})) as intake:
        predict(
            missing([], None, CHUNK_ROWS),
            intake.read,
            store,
            WordCounter(),
            Flow(budget=100_000.0, fixed_budget=True),
            advance,
        )
    late = peak()
    assert load.count_of(rows) == told == ROWS
    words = 0
    for each in store.stored():
        table = store.read(each.chunk)
        assert table is not None
        words += sum(table["words"].to_pylist())
    return {"early_peak_bytes": early, "peak_bytes": late, "words": words}


def theirs(folder: Path) -> dict[str, Any]:
    """Load every row into a list and count."""
    import datasets

    rows = list(datasets.load_dataset(str(folder / "rows"), split="test"))
    words = sum(len(row["text"].split()) for row in rows)
    return {"peak_bytes": peak(), "words": words}


if __name__ == "__main__":
    began = time.perf_counter()
    found = {"ours": ours, "theirs": theirs}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({**found, "seconds": time.perf_counter() - began}))
