"""Prediction on a Ray cluster: one actor a device, each with the model loaded, chunks from one queue.

Plain actors rather than Prefect's Ray task runner: that one submits a task a call, so that a model would be
loaded for every chunk or a whole share be lost with its node, and each of its tasks has to reach Prefect's
API. Here a node has to reach the chunk store only, and one that is lost loses the chunks it had in hand.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tasks import sources
from tasks.candidates import Candidate, store_of
from tasks.computation import compute
from tasks.errors import AssayError, BadEvaluation
from tasks.fleet.cluster import Place, connected, places
from tasks.fleet.workers import ROUNDS, WorkersLost, still_missing
from tasks.inference.chunks import Chunk
from tasks.inference.readahead import described
from tasks.inference.tally import Tally
from tasks.plan import Plan

GLANCE = 0.25
"""Seconds between two looks at how far the workers are."""

HEAD = {"node:__internal_head__": 0.001}
"""What only the node has that the cluster cannot lose."""


class Queue:
    """The chunks that nobody has taken yet, those that each worker has, and the rows that are done."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._left = deque(chunks)
        self._taken: dict[int, list[Chunk]] = {}
        self._rows = 0

    def take(self, worker: int) -> Chunk | None:
        """Give a worker the next chunk; None when there is none left."""
        if not self._left:
            return None
        chunk = self._left.popleft()
        self._taken.setdefault(worker, []).append(chunk)
        return chunk

    def tell(self, rows: int) -> None:
        """Hear of finished rows."""
        self._rows += rows

    def end(self, worker: int) -> list[Chunk]:
        """Hear that a worker is no more, and say which chunks it took."""
        return self._taken.pop(worker, [])

    def give_back(self, chunks: Iterable[Chunk]) -> None:
        """Take chunks back that were lost with their worker: they go out next."""
        self._left.extendleft(reversed(list(chunks)))

    def state(self) -> tuple[int, bool]:
        """Return how many rows were finished since the last time, and whether anything is left or taken."""
        rows, self._rows = self._rows, 0
        return rows, bool(self._left or self._taken)


class Worker:
    """What runs on one device of the cluster."""

    def predict(self, queue: Any, number: int, plan: Plan, candidate: Candidate, threads: int) -> Tally:
        """Load the model and predict chunks of the queue until there are none left.

        Raises:
            BadEvaluation: This node does not see the chunk store, the rows or the model as they are.
        """
        import ray
        import torch

        check_node(plan, candidate)
        torch.set_num_threads(threads)

        def chunks() -> Iterator[Chunk]:
            while (chunk := ray.get(queue.take.remote(number))) is not None:
                yield chunk

        return compute(plan, candidate, chunks(), queue.tell.remote)


def check_node(plan: Plan, candidate: Candidate) -> None:
    """Refuse to predict where the chunk store, the rows or the model are not those of the evaluation.

    Raises:
        BadEvaluation: One of them is missing or another; the sentence names the node.
    """
    node = socket.gethostname()
    store = store_of(plan, candidate)
    if store.noted("pins") is None:
        raise BadEvaluation(
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
            raise BadEvaluation(
                f"The node {node} does not have the {what} as it is here; a local one must lie on a disk "
                "that every node shares."
            )


def predict_on_ray(
    plan: Plan,
    candidate: Candidate,
    chunks: Sequence[Chunk],
    address: str,
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Predict chunks on every device of a cluster, and return what all of them did together.

    Args:
        plan: The evaluation.
        candidate: The model.
        chunks: The missing chunks.
        address: The cluster's.
        advance: Told of finished rows.

    Raises:
        AssayError: What a worker raised.
        WorkersLost: Workers were lost three times over; what they had stored stays.
    """
    tally = Tally()
    left = list(chunks)
    losses: list[str] = ["no node has the device"]
    with connected(address) as ray:
        for _ in range(ROUNDS):
            on = places(ray, candidate.options.device, plan.evaluation.settings.workers)[: len(left)]
            if on:
                losses += _one_round(ray, plan, candidate, left, on, advance, tally)
            left = still_missing(plan, candidate, left)
            if not left:
                return tally
    raise WorkersLost(
        f"The Ray cluster at '{address}' lost its workers {ROUNDS} times over while predicting with "
        f"'{candidate.title}', {len(left)} chunks short; what is stored stays, and the same evaluation goes "
        f"on from there. The last loss: {losses[-1]}"
    )


def _one_round(
    ray: Any,
    plan: Plan,
    candidate: Candidate,
    chunks: Sequence[Chunk],
    on: Sequence[Place],
    advance: Callable[[int], None],
    tally: Tally,
) -> list[str]:
    """Share chunks out once, and return how workers were lost."""
    losses: list[str] = []
    queue = ray.remote(Queue).options(num_cpus=0, resources=HEAD).remote(list(chunks))
    started = [_start(ray, place) for place in on]
    under_way = {}
    try:
        for number, (place, worker) in enumerate(zip(on, started, strict=True)):
            placed = replace(candidate, options=replace(candidate.options, device=_device(candidate, place)))
            under_way[worker.predict.remote(queue, number, plan, placed, place.threads)] = number
        more = True
        while under_way and more:
            done, _ = ray.wait(list(under_way), timeout=GLANCE)
            for reference in done:
                number = under_way.pop(reference)
                try:
                    tally.add(ray.get(reference))
                except ray.exceptions.RayTaskError as error:
                    raise _said(error) from error
                except ray.exceptions.RayError as error:
                    # The process or its node is lost: the others go on with what it had not stored.
                    losses.append(described(error))
                    lost = still_missing(plan, candidate, ray.get(queue.end.remote(number)))
                    ray.get(queue.give_back.remote(lost))
                else:
                    ray.get(queue.end.remote(number))
            # A worker that the cluster never found a device for holds nothing up.
            rows, more = ray.get(queue.state.remote())
            advance(rows)
    except ray.exceptions.RayActorError as error:
        # The queue is lost, and with it who had what; the chunk store tells what is left.
        losses.append(described(error))
    finally:
        for actor in (*started, queue):
            ray.kill(actor)
    return losses


def _start(ray: Any, place: Place) -> Any:
    where: Any = "SPREAD"
    if place.node:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        where = NodeAffinitySchedulingStrategy(place.node, soft=False)
    options = {"num_cpus": place.cpus, "num_gpus": place.gpus, "scheduling_strategy": where}
    return ray.remote(Worker).options(**options).remote()


def _device(candidate: Candidate, place: Place) -> str:
    return "endpoint" if candidate.options.device == "endpoint" else place.device


def _said(error: Any) -> AssayError:
    """Return what a worker raised, as it raised it where that was on purpose."""
    cause = error.cause
    return cause if isinstance(cause, AssayError) else AssayError(described(cause))
