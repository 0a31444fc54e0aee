"""What runs on a Ray cluster: the queue of chunks, and the workers that take from it.

The queue is an actor on the head, which the cluster cannot lose; a worker is one on each device.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks import sources
from tasks.candidates import Candidate, store_of
from tasks.computation import compute
from tasks.errors import BadEvaluation
from tasks.inference.chunks import Chunk
from tasks.inference.tally import Tally
from tasks.plan import Plan


class Unfit(BadEvaluation):
    """A node that does not see the chunk store, the rows or the model as they are."""


@dataclass
class Share:
    """What one worker did.

    Attributes:
        node: The name of its machine; empty until it has started.
        chunks: The chunks it took.
        rows: The rows it finished.
    """

    node: str = ""
    chunks: int = 0
    rows: int = 0


class Queue:
    """The chunks that nobody has taken yet, those that each worker has, and what each did.

    >>> queue = Queue([Chunk(0, 4), Chunk(4, 8)])
    >>> queue.take(1), queue.end(1), queue.take(1)
    (Chunk(start=0, stop=4), [Chunk(start=0, stop=4)], None)
    >>> queue.give_back([Chunk(0, 4)])
    >>> queue.take(2), queue.open()
    (Chunk(start=0, stop=4), True)
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._left = deque(chunks)
        self._taken: dict[int, list[Chunk]] = {}
        self._ended: set[int] = set()
        self._shares: dict[int, Share] = {}

    def hello(self, worker: int, node: str) -> None:
        """Hear on which machine a worker has started."""
        self._share(worker).node = node

    def take(self, worker: int) -> Chunk | None:
        """Give a worker the next chunk; None when there is none left, or it counts as lost."""
        if not self._left or worker in self._ended:
            return None
        chunk = self._left.popleft()
        self._taken.setdefault(worker, []).append(chunk)
        self._share(worker).chunks += 1
        return chunk

    def tell(self, worker: int, rows: int) -> None:
        """Hear of rows that a worker finished."""
        self._share(worker).rows += rows

    def end(self, worker: int) -> list[Chunk]:
        """Hear that a worker is no more, and say which chunks it took."""
        self._ended.add(worker)
        return self._taken.pop(worker, [])

    def give_back(self, chunks: Iterable[Chunk]) -> None:
        """Take chunks back that were lost with their worker: they go out next."""
        self._left.extendleft(reversed(list(chunks)))

    def open(self) -> bool:
        """Tell whether any chunk is left or in hand."""
        return bool(self._left or self._taken)

    def left(self) -> int:
        """Return how many chunks nobody has taken."""
        return len(self._left)

    def shares(self) -> dict[int, Share]:
        """Return what each worker did so far, by its number."""
        return self._shares

    def _share(self, worker: int) -> Share:
        return self._shares.setdefault(worker, Share())


class Worker:
    """What runs on one device of the cluster."""

    def predict(self, queue: Any, number: int, plan: Plan, candidate: Candidate, threads: int) -> Tally:
        """Load the model and predict chunks of the queue until there are none left.

        Raises:
            Unfit: This node does not see the chunk store, the rows or the model as they are.
        """
        import ray

        ray.get(queue.hello.remote(number, socket.gethostname()))
        check_node(plan, candidate)
        if candidate.options.device != "endpoint":
            import torch

            torch.set_num_threads(threads)

        def chunks() -> Iterator[Chunk]:
            while (chunk := ray.get(queue.take.remote(number))) is not None:
                yield chunk

        tally = compute(plan, candidate, chunks(), partial(queue.tell.remote, number))
        # What this process says arrives in order: by then all that it said before has.
        ray.get(queue.tell.remote(number, 0))
        return tally


def check_node(plan: Plan, candidate: Candidate) -> None:
    """Refuse to predict where the chunk store, the rows or the model are not those of the evaluation.

    Raises:
        Unfit: One of them is missing or another; the sentence names the node.
    """
    node = socket.gethostname()
    store = store_of(plan, candidate)
    if store.noted("pins") is None:
        raise Unfit(
            f"The node {node} does not see the chunk store at '{store.folder}'; ASSAY_CHUNKS must name a "
            "place that every node shares, as s3://bucket/chunks or a folder on a shared disk."
        )
    rows, checkpoint = plan.rows, candidate.checkpoint
    local = {}
    if rows.source.kind != "hub":
        local[f"dataset '{rows.source.place}'"] = rows.source.place, rows.revision
    if checkpoint.local and not checkpoint.endpoint:
        local[f"model '{checkpoint.place}'"] = checkpoint.place, checkpoint.commit
    for what, (place, wanted) in local.items():
        try:
            found = sources.digest(place)
        except OSError:
            found = ""
        if found != wanted:
            raise Unfit(
                f"The node {node} does not have the {what} as it is here; a local one must lie on a disk "
                "that every node shares."
            )
