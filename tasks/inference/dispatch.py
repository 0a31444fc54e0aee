"""Dispatch: rows sent to a model elsewhere, many at a time, and stored as their chunks become whole.

A model elsewhere needs no batches: its server makes them of what is under way. A slow answer holds up its
own chunk only. Whatever ends the run early, the answers that have come are stored, since they were paid for.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tasks.errors import RowFailures, UserError
from tasks.inference.chunks import Chunk, ChunkStore, record
from tasks.inference.engine import Flow
from tasks.inference.predictor import Item, Remote
from tasks.inference.readahead import Prepared, ReadChunk, ahead, described
from tasks.inference.tally import Tally

BEAT = 1.0
"""Seconds without an answer after which whoever watches the run has a look at it."""


@dataclass
class _Open:
    """A chunk whose answers are coming."""

    prepared: Prepared
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        chunk = self.prepared.chunk
        return len(self.answers) + len(self.failures) == chunk.stop - chunk.start

    def records(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Return the records of a range of positions."""
        first = self.prepared.chunk.start
        return [
            record(first + each, self.answers.get(each), self.failures.get(each))
            for each in range(start, stop)
        ]


def predict(
    chunks: Iterable[Chunk],
    read: ReadChunk,
    store: ChunkStore,
    predictor: Remote,
    flow: Flow,
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Have chunks predicted elsewhere and store each when it is whole; arguments as of `engine.predict`.

    Raises:
        RowFailures: A row failed and `stop_on_error` is set; answers that have come are stored.
        UserError: The model is there no more, or refuses everything; answers that have come are stored.
    """
    tally = Tally()
    prepared = ahead(chunks, read, predictor.prepare, threads=flow.threads, waiting=flow.waiting)
    opened: list[_Open] = []
    under_way = 0
    began = stored = time.perf_counter()

    def close(each: _Open) -> None:
        nonlocal stored
        opened.remove(each)
        now = time.perf_counter()
        chunk = each.prepared.chunk
        store.write(chunk, each.records(0, chunk.stop - chunk.start), now - stored)
        stored = now

    def fail(each: _Open, position: int, problem: str) -> None:
        each.failures[position] = problem
        tally.failed += 1
        if flow.stop_on_error:
            raise RowFailures(f"Row {each.prepared.chunk.start + position} failed: {problem}")

    with closing(prepared), _asking(predictor) as (questions, answers):
        try:
            more = True
            while more or under_way:
                while more and under_way < 2 * predictor.at_once:
                    following = next(prepared, None)
                    if following is None:
                        more = False
                        break
                    each = _Open(following)
                    opened.append(each)
                    tally.rows += following.chunk.stop - following.chunk.start
                    if following.failures:
                        advance(len(following.failures))
                    for position, problem in following.failures.items():
                        fail(each, position, problem)
                    for position, item in following.items.items():
                        questions.put((each, position, item))
                    under_way += len(following.items)
                    if each.whole:
                        close(each)
                if not under_way:
                    break
                answer = _following(answers, advance)
                under_way -= 1
                each = answer.chunk
                if isinstance(answer.prediction, UserError):
                    raise answer.prediction
                if isinstance(answer.prediction, Exception):
                    fail(each, answer.position, described(answer.prediction))
                else:
                    each.answers[answer.position] = answer.prediction
                    tally.batch(1, 1.0, 0.0, answer.seconds)
                advance(1)
                if each.whole:
                    close(each)
        except BaseException:
            # What is under way has a moment to come in.
            predictor.close()
            with suppress(queue.Empty):
                while answer := answers.get_nowait():
                    if not isinstance(answer.prediction, Exception):
                        answer.chunk.answers[answer.position] = answer.prediction
            for each in opened:
                _salvage(store, each)
            raise
    tally.seconds = time.perf_counter() - began
    return tally


@dataclass(frozen=True)
class _Answer:
    """What came of one row, and the seconds it took."""

    chunk: _Open
    position: int
    prediction: dict[str, Any] | Exception
    seconds: float


Questions = queue.SimpleQueue[tuple[_Open, int, Item] | None]
Answers = queue.SimpleQueue[_Answer]


def _following(answers: Answers, advance: Callable[[int], None]) -> _Answer:
    """Wait for the next answer; while none comes, whoever watches is told of no row now and then."""
    while True:
        try:
            return answers.get(timeout=BEAT)
        except queue.Empty:
            advance(0)


@contextmanager
def _asking(predictor: Remote) -> Iterator[tuple[Questions, Answers]]:
    """Hold threads that ask. They are daemons: one that waits for an answer must not hold up the end."""
    questions: Questions = queue.SimpleQueue()
    answers: Answers = queue.SimpleQueue()
    over = threading.Event()

    def ask() -> None:
        while (question := questions.get()) is not None and not over.is_set():
            chunk, position, item = question
            began = time.perf_counter()
            prediction: dict[str, Any] | Exception
            try:
                (prediction,) = predictor.forward([item])()
            except Exception as error:
                prediction = error
            answers.put(_Answer(chunk, position, prediction, time.perf_counter() - began))

    for number in range(predictor.at_once):
        threading.Thread(target=ask, name=f"ask-{number}", daemon=True).start()
    try:
        yield questions, answers
    finally:
        over.set()
        predictor.close()
        for _ in range(predictor.at_once):
            questions.put(None)


def _salvage(store: ChunkStore, each: _Open) -> None:
    """Store the answered rows of a chunk that will not become whole, as chunks of their own."""
    first = each.prepared.chunk.start
    for start, stop in ranges(each.answers):
        store.write(Chunk(first + start, first + stop), each.records(start, stop), 0.0)


def ranges(positions: Iterable[int]) -> list[tuple[int, int]]:
    """Return the ranges, end not included, that positions make up.

    >>> ranges([4, 0, 1, 2, 7, 8])
    [(0, 3), (4, 5), (7, 9)]
    """
    found: list[tuple[int, int]] = []
    for each in sorted(positions):
        if found and found[-1][1] == each:
            found[-1] = found[-1][0], each + 1
        else:
            found.append((each, each + 1))
    return found
