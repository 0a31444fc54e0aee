"""The engine: every row predicted once, failures kept to their rows, nothing computed twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import RowFailures
from tasks.inference import segments
from tasks.inference.batches import plan
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.engine import Flow, predict, stored_schema
from tasks.inference.predictor import Decode, Item, Row
from tasks.inference.segments import cover, missing
from tasks.inference.tally import Tally

SCHEMA = stored_schema(pa.schema([pa.field("double", pa.int64())]))


class Doubler:
    """A model that doubles numbers, with the faults a test wants."""

    network = None

    def __init__(self, *, most: int = 10**9, bad_input: int = -1, bad_forward: int = -1) -> None:
        self.most, self.bad_input, self.bad_forward = most, bad_input, bad_forward
        self.batches: list[list[int]] = []

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        if any(row["number"] == self.bad_input for row in rows):
            raise ValueError("cannot be read")
        return [Item(row["number"], cost=1 + row["number"] % 7) for row in rows]

    def forward(self, items: Sequence[Item]) -> Decode:
        if len(items) > self.most:
            raise RuntimeError("CUDA out of memory")
        if any(item.features == self.bad_forward for item in items):
            raise RuntimeError("shape mismatch")
        self.batches.append([item.features for item in items])
        return lambda: [{"double": 2 * item.features} for item in items]


def run(
    folder: Path,
    model: Doubler,
    rows: int = 50,
    size: int = 8,
    advance: Callable[[int], None] = lambda rows: None,
    chunks: Iterable[Chunk] | None = None,
    **more: Any,
) -> Tally:
    """Predict the rows that are not stored yet."""
    store = ChunkStore(str(folder), "key", SCHEMA)

    def read(chunk: Chunk) -> list[dict[str, int]]:
        return [{"number": number} for number in range(chunk.start, min(chunk.stop, rows))]

    wanted = missing(cover(store.stored(), rows), rows, size) if chunks is None else chunks
    flow = Flow(**{"budget": 20.0, "fixed_budget": True, **more})
    return predict(wanted, read, store, model, flow, advance)


def stored(folder: Path, rows: int = 50) -> list[dict[str, Any]]:
    store = ChunkStore(str(folder), "key", SCHEMA)
    found: list[dict[str, Any]] = pa.concat_tables(
        [segments.read(store, segment) for segment in cover(store.stored(), rows)]
    ).to_pylist()
    return found


def test_every_row_is_predicted_in_its_place(tmp_path: Path) -> None:
    told: list[int] = []
    tally = run(tmp_path, Doubler(), advance=told.append)
    assert [row["double"] for row in stored(tmp_path)] == [2 * number for number in range(50)]
    assert (tally.rows, tally.failed) == (50, 0)
    assert sum(told) == 50
    assert tally.seconds > 0


def test_only_missing_rows_are_computed_whatever_the_chunks_were(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    (Path(ChunkStore(str(tmp_path), "key", SCHEMA).folder) / Chunk(8, 16).name).unlink()
    again = Doubler()
    run(tmp_path, again, size=3)
    assert sorted(number for batch in again.batches for number in batch) == list(range(8, 16))
    assert [row["row"] for row in stored(tmp_path)] == list(range(50))


def test_rows_without_end_are_read_until_they_end(tmp_path: Path) -> None:
    tally = run(tmp_path, Doubler(), chunks=missing([], None, 8))
    assert tally.rows == 50
    assert [row["row"] for row in stored(tmp_path)] == list(range(50))


@pytest.mark.parametrize("fault", [{"bad_input": 13}, {"bad_forward": 13}])
def test_a_bad_row_is_recorded_and_the_others_go_on(tmp_path: Path, fault: dict[str, int]) -> None:
    tally = run(tmp_path, Doubler(**fault))
    rows = stored(tmp_path)
    assert tally.failed == 1
    assert rows[13]["double"] is None
    assert rows[13]["error"].startswith(("ValueError: cannot", "RuntimeError: shape"))
    assert all(row["error"] is None for row in rows if row["row"] != 13)


def test_a_bad_row_stops_the_run_when_asked_and_finished_chunks_stay(tmp_path: Path) -> None:
    with pytest.raises(RowFailures, match="Row 13 failed: ValueError: cannot be read"):
        run(tmp_path, Doubler(bad_input=13), stop_on_error=True)
    assert [row["row"] for row in stored(tmp_path)][:8] == list(range(8))


def test_the_budget_halves_when_memory_runs_out_and_no_row_is_lost(tmp_path: Path) -> None:
    model = Doubler(most=2)
    tally = run(tmp_path, model, budget=100.0)
    assert tally.failed == 0
    assert tally.budget < 100
    assert max(map(len, model.batches)) <= 2
    assert sorted(number for batch in model.batches for number in batch) == list(range(50))


def test_a_budget_is_searched_on_real_rows_that_are_kept(tmp_path: Path) -> None:
    class Slow(Doubler):
        def forward(self, items: Sequence[Item]) -> Decode:
            time.sleep(0.002)
            return super().forward(items)

    model = Slow()
    tally = run(tmp_path, model, rows=400, size=400, fixed_budget=False)
    assert tally.budget == 80.0, "every batch costs the same, so the largest is the fastest"
    assert set(tally.tried) == {5.0, 10.0, 20.0, 40.0, 80.0}
    assert sorted(number for batch in model.batches for number in batch) == list(range(400))
    assert [row["double"] for row in stored(tmp_path, 400)] == [2 * number for number in range(400)]


def test_windows_grow_beyond_a_chunk_and_pad_less(tmp_path: Path) -> None:
    wastes = [run(tmp_path / str(size), Doubler(), rows=4000, size=size).padding_waste for size in (10, 250)]
    assert max(wastes) < 0.1
    alone = Doubler()
    batches = plan([1 + number % 7 for number in range(10)], 20.0)
    padded = sum(len(batch) * max(1 + number % 7 for number in batch) for batch in batches)
    assert alone.batches == []
    assert 1 - sum(1 + number % 7 for number in range(10)) / padded > wastes[0]


def test_a_failing_store_or_reader_is_raised_and_nothing_hangs(tmp_path: Path) -> None:
    def broken(chunk: Chunk) -> list[dict[str, int]]:
        raise OSError("the disk is gone")

    store = ChunkStore(str(tmp_path), "key", SCHEMA)
    with pytest.raises(OSError, match="the disk is gone"):
        predict([Chunk(0, 8)], broken, store, Doubler(), Flow(20.0))
    store.write = broken
    with pytest.raises(TypeError):
        predict([Chunk(0, 8)], lambda chunk: [{"number": 1}] * 8, store, Doubler(), Flow(20.0))
    assert not [thread for thread in threading.enumerate() if thread.name in {"read", "prepare", "write"}]


def test_a_chunk_that_failed_whole_is_tried_again(tmp_path: Path) -> None:
    class Broken(Doubler):
        def forward(self, items: Sequence[Item]) -> Decode:
            raise RuntimeError("no such kernel")

    assert run(tmp_path, Broken(), rows=8).failed == 8
    assert stored(tmp_path, 8)[0]["error"] == "RuntimeError: no such kernel"
    assert run(tmp_path, Doubler(), rows=8, chunks=[Chunk(0, 8)]).failed == 0


@pytest.mark.parametrize(("size", "budget"), [(1, 1.0), (7, 10.0), (50, 1000.0)])
def test_chunk_size_and_budget_change_no_prediction(tmp_path: Path, size: int, budget: float) -> None:
    run(tmp_path, Doubler(), size=size, budget=budget)
    assert [row["double"] for row in stored(tmp_path)] == [2 * number for number in range(50)]
