"""The engine: rows in, stored chunks of predictions out, for every task type.

Read ahead -> prepare on another thread -> sort by cost inside the chunk -> batches under a budget ->
forward -> store. Chunks already stored are not computed again; when all are, no model is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.errors import RowFailures
from tasks.inference.batches import plan
from tasks.inference.chunks import Chunk, ChunkStore, seconds_of
from tasks.inference.predictor import Item, Predictor, Row

ReadChunk = Callable[[Chunk], Sequence[Row]]


@dataclass
class Tally:
    """What a prediction run did.

    Attributes:
        rows: Rows predicted or reused.
        reused: Rows found in the chunk store.
        failed: Rows that could not be read or predicted.
        seconds: Time spent preparing and predicting, loading the model not counted, now or when the
            reused rows were computed.
        load_seconds: Time spent loading the model.
        batches: Forward passes.
        budget: The batch budget at the end, after any halving on out-of-memory.
    """

    rows: int = 0
    reused: int = 0
    failed: int = 0
    seconds: float = 0.0
    load_seconds: float = 0.0
    batches: int = 0
    budget: float = 0.0

    @property
    def rows_per_second(self) -> float | None:
        """Speed of prediction, that of reused rows included."""
        return self.rows / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Prepared:
    """A chunk made ready: the items that could be prepared, by position, and the failures of the others."""

    items: dict[int, Item]
    failures: dict[int, str]


def stored_schema(prediction: pa.Schema) -> pa.Schema:
    """Return the schema of a chunk: the row id, the prediction's fields, and the error of a failed row."""
    return pa.schema([pa.field("row", pa.int64()), *prediction, pa.field("error", pa.string())])


def predict(
    chunks: Sequence[Chunk],
    read: ReadChunk,
    store: ChunkStore,
    load: Callable[[], Predictor],
    *,
    budget: float,
    stop_on_error: bool = False,
    reuse: bool = True,
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Make sure that every chunk is stored, computing those that are not.

    Args:
        chunks: The chunks of the rows, in order.
        read: Returns the input rows of a chunk.
        store: Where predictions go and are looked for.
        load: Loads the model; called once, and only when a chunk is missing.
        budget: The most cost of a padded batch; halved for good on out-of-memory.
        stop_on_error: Whether a failing row stops the run rather than being recorded.
        reuse: Whether stored chunks are used.
        advance: Told the rows of each finished chunk.

    Raises:
        RowFailures: A row failed and `stop_on_error` is set; finished chunks stay stored.
    """
    tally = Tally(budget=budget)
    missing = []
    for chunk in chunks:
        found = store.read(chunk) if reuse else None
        # A chunk that failed whole is tried again: what broke it may have been mended since.
        if found is None or found["error"].null_count == 0:
            missing.append(chunk)
            continue
        tally.reused += found.num_rows
        tally.seconds += seconds_of(found)
        tally.failed += found.num_rows - found["error"].null_count
        advance(found.num_rows)
    tally.rows = tally.reused
    if not missing:
        return tally
    began = time.perf_counter()
    predictor = load()
    tally.load_seconds = time.perf_counter() - began
    began = time.perf_counter()
    for chunk, prepared in _ahead(missing, read, predictor):
        outcome = _predict_chunk(prepared, predictor, tally)
        if stop_on_error and outcome.failures:
            position, problem = min(outcome.failures.items())
            raise RowFailures(f"Row {chunk.start + position} failed: {problem}")
        took, began = time.perf_counter() - began, time.perf_counter()
        store.write(chunk, _records(chunk, outcome), took)
        tally.seconds += took
        tally.rows += chunk.stop - chunk.start
        tally.failed += len(outcome.failures)
        advance(chunk.stop - chunk.start)
    return tally


def _ahead(
    chunks: Sequence[Chunk], read: ReadChunk, predictor: Predictor
) -> Iterable[tuple[Chunk, Prepared]]:
    """Yield prepared chunks, the next one being prepared while this one is predicted."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as pool:
        waiting = pool.submit(_prepare, read, chunks[0], predictor)
        for position, chunk in enumerate(chunks):
            prepared = waiting.result()
            if position + 1 < len(chunks):
                waiting = pool.submit(_prepare, read, chunks[position + 1], predictor)
            yield chunk, prepared


def _prepare(read: ReadChunk, chunk: Chunk, predictor: Predictor) -> Prepared:
    items: dict[int, Item] = {}
    failures: dict[int, str] = {}
    for position, row in enumerate(read(chunk)):
        try:
            items[position] = predictor.prepare(row)
        except Exception as error:
            failures[position] = _described(error)
    return Prepared(items, failures)


@dataclass(frozen=True)
class _Outcome:
    predictions: dict[int, dict[str, Any]]
    failures: dict[int, str]


def _predict_chunk(prepared: Prepared, predictor: Predictor, tally: Tally) -> _Outcome:
    outcome = _Outcome({}, dict(prepared.failures))
    positions = list(prepared.items)
    while positions:
        costs = [prepared.items[position].cost for position in positions]
        for batch in plan(costs, tally.budget):
            if not _predict_batch([positions[each] for each in batch], prepared, predictor, tally, outcome):
                break  # the budget was halved: plan again what is left
        done = outcome.predictions.keys() | outcome.failures.keys()
        positions = [position for position in positions if position not in done]
    return outcome


def _predict_batch(
    batch: list[int], prepared: Prepared, predictor: Predictor, tally: Tally, outcome: _Outcome
) -> bool:
    """Predict one batch; return False when memory ran out and the budget was halved."""
    items = [prepared.items[position] for position in batch]
    try:
        predictions = predictor.forward(items)
        tally.batches += 1
    except Exception as error:
        if _out_of_memory(error) and len(batch) > 1:
            padded = len(batch) * max(item.cost for item in items)
            tally.budget = min(tally.budget, padded) / 2
            return False
        if len(batch) == 1:
            outcome.failures[batch[0]] = _described(error)
            return True
        for position in batch:
            _predict_batch([position], prepared, predictor, tally, outcome)
        return True
    outcome.predictions.update(zip(batch, predictions, strict=True))
    return True


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ in {"OutOfMemoryError", "MemoryError"} or "out of memory" in str(error)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def _records(chunk: Chunk, outcome: _Outcome) -> list[dict[str, Any]]:
    return [
        {
            "row": chunk.start + position,
            **outcome.predictions.get(position, {}),
            "error": outcome.failures.get(position),
        }
        for position in range(chunk.stop - chunk.start)
    ]
