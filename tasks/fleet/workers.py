"""Workers: chunks dealt out among processes, each with the model loaded on a device of its own.

The chunk store is where they meet: a worker writes what it predicts there and nothing passes through this
process but progress. A worker that dies loses the chunks it had in hand; they are dealt out again.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from tasks.candidates import Candidate, store_of
from tasks.computation import compute
from tasks.errors import AssayError
from tasks.inference import devices
from tasks.inference.chunks import Chunk
from tasks.inference.readahead import described
from tasks.inference.tally import Tally
from tasks.plan import Plan

NEXT = None
"""What a worker says to be given a chunk."""

ROUNDS = 3
"""How often chunks lost with their workers are dealt out before the run is given up."""


class WorkersLost(AssayError):
    """Worker processes died again and again, as when the machine has too little memory for them."""


def devices_of(plan: Plan, candidate: Candidate) -> list[str]:
    """Return the device of each worker: one a GPU, or as many as the settings say, in turn.

    A stream is read front to back by one process.
    """
    settings = plan.evaluation.settings
    if plan.rows.streamed:
        return [candidate.options.device]
    there_is = devices.alike(candidate.options.device) if settings.device in {"auto", "cuda"} else []
    chosen = there_is or [candidate.options.device]
    count = settings.workers or len(chosen)
    return [chosen[number % len(chosen)] for number in range(count)]


def occupied(plan: Plan, candidate: Candidate) -> list[str]:
    """Return the devices of this machine that a model is computed on; none where nothing is loaded here."""
    checkpoint = candidate.checkpoint
    elsewhere = checkpoint.endpoint is not None or plan.evaluation.settings.ray is not None
    elsewhere |= checkpoint.form in {"predictions", "function"}
    return [] if elsewhere else sorted(set(devices_of(plan, candidate)))


def predict_side_by_side(
    plan: Plan,
    candidate: Candidate,
    chunks: Iterable[Chunk],
    on: Sequence[str],
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Predict chunks in one process a device, and return what all of them did together.

    Args:
        plan: The evaluation.
        candidate: The model.
        chunks: The missing chunks, taken as they are dealt.
        on: The device of each worker.
        advance: Told of finished rows.

    Raises:
        AssayError: What a worker raised.
        WorkersLost: Workers died three times over; what they had stored stays.
    """
    tally = Tally()
    source = iter(chunks)
    for _ in range(ROUNDS):
        dealt: list[Chunk] = []
        _one_round(plan, candidate, _noted(source, dealt), on, advance, tally)
        source = chain(still_missing(plan, candidate, dealt), source)
        following = next(source, None)
        if following is None:
            return tally
        source = chain([following], source)
    raise WorkersLost(
        f"The processes predicting with '{candidate.title}' died {ROUNDS} times over, and chunks are left; "
        "fewer workers (settings.workers) need less memory."
    )


def _noted(chunks: Iterable[Chunk], dealt: list[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        dealt.append(chunk)
        yield chunk


def still_missing(plan: Plan, candidate: Candidate, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return those of some chunks that are not stored."""
    there = {stored.chunk for stored in store_of(plan, candidate).stored()}
    return [chunk for chunk in chunks if chunk not in there]


def _one_round(
    plan: Plan,
    candidate: Candidate,
    chunks: Iterator[Chunk],
    on: Sequence[str],
    advance: Callable[[int], None],
    tally: Tally,
) -> None:
    # A fresh interpreter each: torch's threads and CUDA do not survive a fork.
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // len(on))
    workers: dict[Connection, BaseProcess] = {}
    try:
        for device in on:
            here, there = context.Pipe()
            placed = replace(candidate, options=replace(candidate.options, device=device))
            worker: BaseProcess = context.Process(
                target=_work, args=(plan, placed, threads, there), daemon=True
            )
            worker.start()
            there.close()
            workers[here] = worker
        _deal(workers, chunks, advance, tally)
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.join()


def _deal(
    workers: Mapping[Connection, BaseProcess],
    chunks: Iterator[Chunk],
    advance: Callable[[int], None],
    tally: Tally,
) -> None:
    """Hand each worker the next chunk when it asks, until every line is closed, by its end or its death."""
    lines = set(workers)
    while lines:
        for line in wait(list(lines)):
            assert isinstance(line, Connection)
            try:
                word = line.recv()
            except (EOFError, ConnectionResetError):
                lines.remove(line)
                continue
            if word is NEXT:
                line.send(next(chunks, None))
            elif isinstance(word, int):
                advance(word)
            elif isinstance(word, Tally):
                tally.add(word)
            else:
                raise word


class _Line:
    """A worker's end of its line, for its several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def say(self, word: object) -> None:
        """Say how many rows are done, what the run came to, or what went wrong."""
        with self._lock:
            self._connection.send(word)

    def chunks(self) -> Iterator[Chunk]:
        """Ask for chunks, one at a time, until there are no more."""
        while True:
            self.say(NEXT)
            chunk = self._connection.recv()
            if chunk is None:
                return
            yield chunk


def _work(plan: Plan, candidate: Candidate, threads: int, connection: Connection) -> None:
    """Predict chunks as they are dealt: the life of a worker process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)
    line = _Line(connection)
    try:
        line.say(compute(plan, candidate, line.chunks(), line.say))
    except Exception as error:
        line.say(error if isinstance(error, AssayError) else AssayError(described(error)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
