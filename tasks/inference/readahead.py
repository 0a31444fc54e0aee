"""Read ahead: chunks are read and made ready on other threads while the model works on earlier ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from tasks.inference.chunks import Chunk
from tasks.inference.predictor import Item, Row

ReadChunk = Callable[[Chunk], Sequence[Row]]
Prepare = Callable[[Sequence[Row]], list[Item]]

BLOCK = 32
"""Rows that one thread makes ready at a time."""


@dataclass(frozen=True)
class Prepared:
    """A chunk made ready: the items that could be prepared, by position, and the failures of the others."""

    chunk: Chunk
    items: dict[int, Item]
    failures: dict[int, str]

    @property
    def cost(self) -> float:
        """What its items cost together, before padding."""
        return sum(item.cost for item in self.items.values())


def described(error: BaseException) -> str:
    """Return an exception as one line for a person.

    >>> described(ValueError("no such"))
    'ValueError: no such'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def ahead(
    chunks: Iterable[Chunk], read: ReadChunk, prepare: Prepare, *, threads: int, waiting: int
) -> Generator[Prepared, None, None]:
    """Yield prepared chunks in order.

    Args:
        chunks: Which to read; read lazily, so it may be endless where the row count is unknown.
        read: Returns the rows of a chunk; fewer where the data ends, which ends the reading.
        prepare: Makes a block of rows ready.
        threads: How many threads prepare.
        waiting: The most chunks that wait to be yielded: what bounds the memory. With 0, a chunk is made
            ready when it is asked for, and not beside the model: right where both need the same processor.

    Raises:
        Exception: Whatever `chunks` or `read` raised; a row that cannot be prepared is a failure of its own.
    """
    if not waiting:
        yield from _in_turn(chunks, read, prepare, threads)
        return
    line: queue.Queue[tuple[Chunk, list[Future[Prepared]]] | BaseException | None] = queue.Queue(waiting)
    stopped = threading.Event()

    def put(entry: tuple[Chunk, list[Future[Prepared]]] | BaseException | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                line.put(entry, timeout=0.1)
                return

    def feed(pool: ThreadPoolExecutor) -> None:
        try:
            for chunk, rows in _there(chunks, read):
                put((chunk, _submitted(pool, prepare, rows)))
                if stopped.is_set():
                    break
            put(None)
        except BaseException as error:
            put(error)

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prepare") as pool:
        feeder = threading.Thread(target=feed, args=(pool,), name="read", daemon=True)
        feeder.start()
        try:
            while (entry := line.get()) is not None:
                if isinstance(entry, BaseException):
                    raise entry
                chunk, blocks = entry
                yield _joined(chunk, [block.result() for block in blocks])
        finally:
            stopped.set()
            feeder.join()
            pool.shutdown(cancel_futures=True)


def _in_turn(
    chunks: Iterable[Chunk], read: ReadChunk, prepare: Prepare, threads: int
) -> Generator[Prepared, None, None]:
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prepare") as pool:
        for chunk, rows in _there(chunks, read):
            yield _joined(chunk, [block.result() for block in _submitted(pool, prepare, rows)])


def _there(chunks: Iterable[Chunk], read: ReadChunk) -> Iterator[tuple[Chunk, Sequence[Row]]]:
    """Yield chunks with their rows, the last one as long as the data is."""
    for chunk in chunks:
        rows = read(chunk)
        if len(rows):
            yield Chunk(chunk.start, chunk.start + len(rows)), rows
        if len(rows) < chunk.stop - chunk.start:
            return


def _submitted(pool: ThreadPoolExecutor, prepare: Prepare, rows: Sequence[Row]) -> list[Future[Prepared]]:
    return [pool.submit(_block, prepare, rows, start) for start in range(0, len(rows), BLOCK)]


def _block(prepare: Prepare, rows: Sequence[Row], start: int) -> Prepared:
    """Prepare a block at once, or row by row where that fails, to tell which of them cannot be."""
    block = rows[start : start + BLOCK]
    here = Chunk(start, start + len(block))
    try:
        return Prepared(here, dict(enumerate(prepare(block), start)), {})
    except Exception:
        items: dict[int, Item] = {}
        failures: dict[int, str] = {}
        for position, row in enumerate(block, start):
            try:
                items[position] = prepare([row])[0]
            except Exception as error:
                failures[position] = described(error)
        return Prepared(here, items, failures)


def _joined(chunk: Chunk, blocks: Sequence[Prepared]) -> Prepared:
    items: dict[int, Item] = {}
    failures: dict[int, str] = {}
    for block in blocks:
        items |= block.items
        failures |= block.failures
    return Prepared(chunk, items, failures)
