"""The engine: rows in, stored chunks of predictions out, for every task type.

Read ahead -> prepare on other threads -> gather a window -> sort by cost -> batches under a budget ->
forward -> decode -> store, each of them going on while the next is under way.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tasks.errors import RowFailures
from tasks.inference.batches import plan
from tasks.inference.budget import Budget
from tasks.inference.chunks import Chunk, ChunkStore, record
from tasks.inference.efficiency import operations
from tasks.inference.predictor import Decode, Item, Predictor
from tasks.inference.readahead import Prepared, ReadChunk, ahead, described
from tasks.inference.tally import Tally
from tasks.inference.windows import windows


@dataclass(frozen=True)
class Flow:
    """How work flows through the engine; none of it changes a prediction.

    Attributes:
        budget: The most cost of a padded batch.
        fixed_budget: Whether that was asked for; otherwise it is where the search starts.
        threads: Threads that read and prepare.
        waiting: The most chunks that wait prepared.
        under_way: Batches under way at a time: two on an accelerator, where the next starts while the last
            is copied back and decoded.
        warm_up: Whether one row is predicted for nothing first, so that the first batch does not mislead,
            and its operations counted.
        stop_on_error: Whether a failing row stops the run rather than being recorded.
    """

    budget: float
    fixed_budget: bool = False
    threads: int = 2
    waiting: int = 4
    under_way: int = 1
    warm_up: bool = False
    stop_on_error: bool = False


def stored_schema(prediction: pa.Schema) -> pa.Schema:
    """Return the schema of a chunk: the row id, the prediction's fields, and the error of a failed row."""
    return pa.schema([pa.field("row", pa.int64()), *prediction, pa.field("error", pa.string())])


def predict(
    chunks: Iterable[Chunk],
    read: ReadChunk,
    store: ChunkStore,
    predictor: Predictor,
    flow: Flow,
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Predict chunks and store each when it is whole.

    Args:
        chunks: The chunks to compute, in order; endless where the row count is unknown.
        read: Returns the input rows of a chunk; fewer where the data ends.
        store: Where predictions go.
        predictor: The loaded model.
        flow: How the work flows.
        advance: Told of finished rows.

    Raises:
        RowFailures: A row failed and `stop_on_error` is set; finished chunks stay stored.
    """
    tally = Tally()
    budget = Budget(flow.budget, flow.fixed_budget)
    prepared = ahead(chunks, read, predictor.prepare, threads=flow.threads, waiting=flow.waiting)

    def pace() -> float:
        return tally.cost / tally.seconds if tally.seconds else 0.0

    began = time.perf_counter()
    with _prompt_threads(), _writer(store) as write, closing(prepared):
        for window in windows(prepared, lambda: budget.value, pace):
            outcome = _predict_window(window, predictor, budget, tally, flow, advance)
            took, began = time.perf_counter() - began - tally.warm_up_seconds, time.perf_counter()
            tally.warm_up_seconds = 0.0
            whole = sum(each.cost for each in window) or 1.0
            for number, each in enumerate(window):
                records = _records(each, outcome, number)
                failed = sum(record["error"] is not None for record in records)
                if not (failed and flow.stop_on_error):
                    write(each.chunk, records, took * each.cost / whole)
                tally.failed += failed
                tally.rows += len(records)
            tally.seconds += took
            if flow.stop_on_error and outcome.failures:
                (number, position), problem = min(outcome.failures.items())
                raise RowFailures(f"Row {window[number].chunk.start + position} failed: {problem}")
    tally.budget, tally.tried = budget.value, budget.tried
    return tally


@contextmanager
def _prompt_threads() -> Iterator[None]:
    """Let threads hand over the interpreter quickly, so that preparing does not hold up forward passes."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@contextmanager
def _writer(store: ChunkStore) -> Iterator[Callable[[Chunk, list[dict[str, Any]], float], None]]:
    """Write chunks on another thread, in order; what goes wrong there is raised here."""
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as pool:

        def write(chunk: Chunk, records: list[dict[str, Any]], seconds: float) -> None:
            waiting.append(pool.submit(store.write, chunk, records, seconds))
            while len(waiting) > 8 or (waiting and waiting[0].done()):
                waiting.popleft().result()

        yield write
        while waiting:
            waiting.popleft().result()


Place = tuple[int, int]
"""A row's place in a window: the number of its chunk, and its position there."""


@dataclass
class _Outcome:
    predictions: dict[Place, dict[str, Any]] = field(default_factory=dict)
    failures: dict[Place, str] = field(default_factory=dict)


def _predict_window(
    window: Sequence[Prepared],
    predictor: Predictor,
    budget: Budget,
    tally: Tally,
    flow: Flow,
    advance: Callable[[int], None],
) -> _Outcome:
    outcome = _Outcome()
    items: dict[Place, Item] = {}
    for number, each in enumerate(window):
        items |= {(number, position): item for position, item in each.items.items()}
        outcome.failures |= {(number, position): why for position, why in each.failures.items()}
    advance(len(outcome.failures))
    work = _Work(items, predictor, budget, tally, flow.under_way, advance, outcome)
    places = list(items)
    if flow.warm_up and items and not tally.batches:
        work.warm()
    trials = budget.trials([items[place].cost for place in places])
    if trials:
        work.calibrate([(value, [places[each] for each in chosen]) for value, chosen in trials])
    while left := [place for place in places if not work.done(place)]:
        work.through([items[place].cost for place in left], left)
    return outcome


@dataclass
class _Work:
    """The batches of one window."""

    items: dict[Place, Item]
    predictor: Predictor
    budget: Budget
    tally: Tally
    ahead: int
    advance: Callable[[int], None]
    outcome: _Outcome

    def done(self, place: Place) -> bool:
        return place in self.outcome.predictions or place in self.outcome.failures

    def warm(self) -> None:
        """Predict a middling row for nothing, and count its operations per unit of cost."""
        by_cost = sorted(self.items.values(), key=lambda item: item.cost)
        item = by_cost[len(by_cost) // 2]
        began = time.perf_counter()
        try:
            done = operations(lambda: self.predictor.forward([item])())
        except Exception:
            return
        self.tally.operations = done / max(item.cost, 1e-9)
        self.tally.warm_up_seconds = time.perf_counter() - began

    def calibrate(self, trials: Sequence[tuple[float, list[Place]]]) -> None:
        """Predict the rows of each trial, and settle the budget by the time they took."""
        measured = []
        for value, places in trials:
            if self.budget.value < value / 4:
                break
            before = (self.tally.cost, time.perf_counter())
            if self._finish(places, *self._start(places)):
                measured.append((value, self.tally.cost - before[0], time.perf_counter() - before[1]))
            else:
                break
        self.budget.settle(measured)

    def through(self, costs: Sequence[float], places: Sequence[Place]) -> None:
        """Predict rows batch by batch, until they are done or the budget had to be halved."""
        under_way: deque[tuple[list[Place], Decode | Exception, float]] = deque()
        fits = True
        for batch in plan(costs, self.budget.value):
            if not fits:
                break
            chosen = [places[each] for each in batch]
            under_way.append((chosen, *self._start(chosen)))
            if len(under_way) >= self.ahead:
                fits = self._finish(*under_way.popleft())
        while under_way:
            self._finish(*under_way.popleft())

    def _start(self, places: Sequence[Place]) -> tuple[Decode | Exception, float]:
        began = time.perf_counter()
        try:
            return self.predictor.forward([self.items[place] for place in places]), began
        except Exception as error:
            return error, began

    def _finish(self, places: list[Place], started: Decode | Exception, began: float) -> bool:
        """Take a batch's predictions; return False when memory ran out and the budget was halved."""
        costs = [self.items[place].cost for place in places]
        padded = len(places) * max(costs)
        error: Exception
        try:
            if isinstance(started, Exception):
                raise started
            predictions = started()
        except Exception as raised:
            error = raised
        else:
            self.outcome.predictions.update(zip(places, predictions, strict=True))
            self.tally.batch(len(places), sum(costs), padded, time.perf_counter() - began)
            self.advance(len(places))
            return True
        if out_of_memory(error) and len(places) > 1:
            _release(error)
            self.budget.halve(padded)
            return False
        if len(places) == 1:
            self.outcome.failures[places[0]] = described(error)
            self.advance(1)
            return True
        for place in places:
            self._finish([place], *self._start([place]))
        return True


def out_of_memory(error: Exception) -> bool:
    """Tell whether an exception means that memory ran out, on the device or the host."""
    return type(error).__name__ in {"OutOfMemoryError", "MemoryError"} or "out of memory" in str(error)


def _release(error: Exception) -> None:
    """Give back what the failed batch held: the traceback keeps its tensors, the allocator their memory."""
    error.__traceback__ = None
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _records(prepared: Prepared, outcome: _Outcome, number: int) -> list[dict[str, Any]]:
    chunk = prepared.chunk
    return [
        record(
            chunk.start + position,
            outcome.predictions.get((number, position)),
            outcome.failures.get((number, position)),
        )
        for position in range(chunk.stop - chunk.start)
    ]
