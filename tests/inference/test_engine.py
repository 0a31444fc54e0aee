"""The engine: every row predicted once, failures kept to their rows, nothing computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import RowFailures
from tasks.inference.chunks import Chunk, ChunkStore, chunks_of
from tasks.inference.engine import Tally, predict, stored_schema
from tasks.inference.predictor import Item, Row

SCHEMA = stored_schema(pa.schema([pa.field("double", pa.int64())]))


class Doubler:
    """A model that doubles numbers, with the faults a test wants."""

    def __init__(self, *, most: int = 10**9, bad_input: int = -1, bad_forward: int = -1) -> None:
        self.most, self.bad_input, self.bad_forward = most, bad_input, bad_forward
        self.batches: list[list[int]] = []
        self.loads = 0

    def load(self) -> Doubler:
        self.loads += 1
        return self

    def prepare(self, row: Row) -> Item:
        if row["number"] == self.bad_input:
            raise ValueError("cannot be read")
        return Item(row["number"], cost=1 + row["number"] % 7)

    def forward(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        if len(items) > self.most:
            raise RuntimeError("CUDA out of memory")
        if any(item.features == self.bad_forward for item in items):
            raise RuntimeError("shape mismatch")
        self.batches.append([item.features for item in items])
        return [{"double": 2 * item.features} for item in items]


def run(folder: Path, model: Doubler, rows: int = 50, size: int = 8, **more: Any) -> Tally:
    store = ChunkStore(str(folder), "key", SCHEMA)

    def read(chunk: Chunk) -> list[dict[str, int]]:
        return [{"number": number} for number in range(chunk.start, chunk.stop)]

    return predict(chunks_of(rows, size), read, store, model.load, **{"budget": 20.0, **more})


def stored(folder: Path, rows: int = 50, size: int = 8) -> list[dict[str, Any]]:
    store = ChunkStore(str(folder), "key", SCHEMA)
    return [row for table in store.tables(chunks_of(rows, size)) for row in table.to_pylist()]


def test_every_row_is_predicted_in_its_place(tmp_path: Path) -> None:
    told: list[int] = []
    tally = run(tmp_path, Doubler(), advance=told.append)
    assert [row["double"] for row in stored(tmp_path)] == [2 * number for number in range(50)]
    assert (tally.rows, tally.reused, tally.failed) == (50, 0, 0)
    assert sum(told) == 50
    assert tally.seconds > 0


def test_a_second_run_loads_no_model(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    again = Doubler()
    tally = run(tmp_path, again)
    assert (again.loads, again.batches, tally.reused) == (0, [], 50)


def test_only_missing_chunks_are_computed(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    (Path(ChunkStore(str(tmp_path), "key", SCHEMA).folder) / Chunk(8, 16).name).unlink()
    again = Doubler()
    tally = run(tmp_path, again)
    assert sorted(number for batch in again.batches for number in batch) == list(range(8, 16))
    assert tally.reused == 42


def test_reuse_can_be_turned_off(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    again = Doubler()
    assert run(tmp_path, again, reuse=False).reused == 0
    assert again.loads == 1


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
    again = Doubler()
    assert run(tmp_path, again).reused == 8


def test_the_budget_halves_when_memory_runs_out_and_no_row_is_lost(tmp_path: Path) -> None:
    model = Doubler(most=2)
    tally = run(tmp_path, model, budget=100.0)
    assert tally.failed == 0
    assert tally.budget < 100
    assert max(map(len, model.batches)) <= 2
    assert sorted(number for batch in model.batches for number in batch) == list(range(50))


def test_a_chunk_that_failed_whole_is_tried_again(tmp_path: Path) -> None:
    class Broken(Doubler):
        def forward(self, items: Sequence[Item]) -> list[dict[str, Any]]:
            raise RuntimeError("no such kernel")

    assert run(tmp_path, Broken(), rows=8).failed == 8
    assert run(tmp_path, Doubler(), rows=8).failed == 0


@pytest.mark.parametrize(("size", "budget"), [(1, 1.0), (7, 10.0), (50, 1000.0)])
def test_chunk_size_and_budget_change_no_prediction(tmp_path: Path, size: int, budget: float) -> None:
    run(tmp_path, Doubler(), size=size, budget=budget)
    assert [row["double"] for row in stored(tmp_path, size=size)] == [2 * number for number in range(50)]
