"""Ten million streamed rows in flat memory, through two kills: what was stored is not predicted again.

`python -m benchmarks.ten_million run FOLDER` predicts what is not stored yet, and says what it did as JSON.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.measurement import Result, clocked, result
from benchmarks.streaming import WordCounter, peak

ROWS, SHARDS, WORDS, CHUNK_ROWS = 10_000_000, 100, 10, 1024
KILLED_AT = (0.27, 0.61)
"""Shares of the rows after which the process is killed."""


def ten_million() -> Result:
    """Kill a run twice and let the third end it; the ratio is of its memory at the end to that early on.

    Raises:
        AssertionError: Rows were predicted twice (but for the chunks in hand), lost, or memory grew by half.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = _write(Path(folder) / "rows")
        killed = [clocked(lambda share=share: _run(folder, share)) for share in KILLED_AT]
        took, found = clocked(lambda: _run(folder, None))
    assert found["words"] == words
    assert found["told"] <= ROWS - found["reused"]
    stored = [ROWS * share for share in KILLED_AT]
    assert found["reused"] >= stored[-1]
    early, late = found["early_peak_bytes"] / 1e6, found["peak_bytes"] / 1e6
    assert late < 1.5 * early, f"{early:.0f} MB, then {late:.0f} MB"
    seconds = took + sum(each for each, _ in killed)
    own = ", ".join(f"{each['own_bytes'] / 1e6:.0f}" for each in (*(said for _, said in killed), found))
    whole = result(
        "engine_ten_million_rows",
        seconds,
        seconds,
        f"the ratio is of peak memory at the end, {late:.0f} MB, to that after a tenth of the last run, "
        f"{early:.0f} MB, files that are mapped included; what the three runs held of their own when they "
        f"ended: {own} MB; {ROWS} rows of {WORDS} words, streamed, spooled, counted and stored in chunks of "
        f"{CHUNK_ROWS}, {ROWS / seconds:.0f} rows a second over three runs, the first two of them killed "
        f"after {' and '.join(f'{share:.0%}' for share in KILLED_AT)}; the last found {found['reused']:.0f} "
        "rows stored and predicted the others only",
    )
    return replace(whole, ratio=late / early)


def _write(folder: Path) -> int:
    """Write the rows file by file, and return how many words there are."""
    import pyarrow.parquet as pq

    folder.mkdir()
    generator = random.Random(0)
    words = [f"w{number:05d}" for number in range(20_000)]
    each = ROWS // SHARDS
    texts = [" ".join(generator.choices(words, k=generator.randrange(1, 2 * WORDS))) for _ in range(each)]
    total = sum(len(text.split()) for text in texts)
    for shard in range(SHARDS):
        # Every file has the same texts in another order.
        turned = texts[shard:] + texts[:shard]
        labels = ["yes", "no"] * (each // 2)
        pq.write_table(pa.table({"text": turned, "label": labels}), folder / f"test-{shard:03d}.parquet")
    return total * SHARDS


def _own(process: str) -> int:
    """Return the memory that a process holds now, files that are mapped into it left out, in bytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def _run(folder: str, kill_at: float | None) -> dict[str, Any]:
    """Run to the end, or until so many rows are stored; return what a run that ended said, and its memory."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ten_million", "run", folder],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "ASSAY_HOME": f"{folder}/assay", "HF_DATASETS_CACHE": f"{folder}/datasets"},
    )
    while kill_at is not None:
        chunks = Path(folder, "assay", "chunks")
        stored = sum(len(files) for _, _, files in os.walk(chunks)) * CHUNK_ROWS
        if stored >= kill_at * ROWS:
            own = _own(str(process.pid))
            process.kill()
            process.communicate()
            return {"own_bytes": own}
        assert process.poll() is None
        time.sleep(0.5)
    said, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def run(folder: Path) -> dict[str, Any]:
    """Stream the rows, and predict and store those that are not stored."""
    from tasks import home, load
    from tasks.data.intake import Intake
    from tasks.inference.chunks import ChunkStore, key_of
    from tasks.inference.engine import Flow, predict, stored_schema
    from tasks.inference.segments import missing, predicted
    from tasks.spec import Dataset

    rows = load.narrowed(
        load.load(Dataset(path=str(folder / "rows"), streaming=True), 0), {"text": "text", "label": "label"}
    )
    store = ChunkStore(home.chunk_store(), key_of({}), stored_schema(pa.schema([("words", pa.int64())])))
    kept = predicted(store.stored())
    reused = sum(each.stop - each.start for each in kept)
    told, early = 0, 0

    def advance(count: int) -> None:
        nonlocal told, early
        told += count
        if not early and told >= (ROWS - reused) // 10:
            early = peak()

    with closing(Intake(rows, {"text": "text"})) as intake:
        predict(
            missing(kept, None, CHUNK_ROWS),
            intake.read,
            store,
            WordCounter(),
            Flow(budget=100_000.0, fixed_budget=True),
            advance,
        )
    late, own = peak(), _own("self")
    assert load.count_of(rows) == ROWS == told + reused
    words = 0
    for each in store.stored():
        table = store.read(each.chunk)
        assert table is not None
        words += sum(table["words"].to_pylist())
    return {
        "early_peak_bytes": early,
        "peak_bytes": late,
        "own_bytes": own,
        "words": words,
        "told": told,
        "reused": reused,
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[2]))))
