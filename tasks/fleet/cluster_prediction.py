"""Prediction on a Ray cluster: one actor a device, each with the model loaded, chunks from one queue.

Plain actors rather than Prefect's Ray task runner: that one submits a task a call, so that a model would be
loaded for every chunk or a whole share be lost with its node, and each of its tasks has to reach Prefect's
API. Here a node has to reach the chunk store only, and one that is lost loses the chunks it had in hand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.candidates import Candidate
from tasks.errors import AssayError
from tasks.fleet.cluster import Place, connected, places
from tasks.fleet.cluster_queue import Queue, Share, Unfit, Worker
from tasks.fleet.workers import ROUNDS, WorkersLost, still_missing
from tasks.inference.chunks import Chunk
from tasks.inference.readahead import described
from tasks.inference.tally import Tally
from tasks.plan import Plan

GLANCE = 0.25
"""Seconds between two looks at how far the workers are."""

CENSUS = 5.0
"""Seconds between two looks at which nodes there are."""

ABSENCE = 600.0
"""Seconds that no worker may be on its feet, as while an autoscaler starts the next node."""

HEAD = {"node:__internal_head__": 0.001}
"""What only the node has that the cluster cannot lose."""


@dataclass(frozen=True)
class Member:
    """A worker of the cluster as its driver sees it.

    Attributes:
        device: Its device, or `endpoint`.
        state: waiting (the cluster has no room for it yet), at work, done, or lost.
        share: What it did.
        why: What became of it, where it was lost.
    """

    device: str
    state: str
    share: Share
    why: str = ""


def predict_on_ray(
    plan: Plan,
    candidate: Candidate,
    chunks: Sequence[Chunk],
    address: str,
    advance: Callable[[int], None] = lambda rows: None,
    show: Callable[[Sequence[Member]], None] = lambda members: None,
) -> Tally:
    """Predict chunks on every device of a cluster, and return what all of them did together.

    Args:
        plan: The evaluation.
        candidate: The model.
        chunks: The missing chunks.
        address: The cluster's.
        advance: Told of finished rows.
        show: Given all workers there were, whenever one has started, ended or been lost.

    Raises:
        AssayError: What a worker raised.
        WorkersLost: Workers were lost again and again; what they had stored stays.
    """
    tally = Tally()
    left = list(chunks)
    losses: list[str] = []
    with connected(address) as ray:
        for _ in range(ROUNDS):
            crew = Crew(ray, plan, candidate, left, advance, show)
            try:
                crew.work()
            except ray.exceptions.RayActorError as error:
                # The queue is lost, and with it who had what; the chunk store tells what is left.
                crew.losses.append(described(error))
            finally:
                crew.dismiss()
            if crew.tally.rows:
                tally.add(crew.tally)
            losses += crew.losses
            left = still_missing(plan, candidate, left)
            if not left:
                return tally
            if crew.given_up:
                break
    raise WorkersLost(
        f"The Ray cluster at '{address}' lost its workers again and again while predicting with "
        f"'{candidate.title}', {len(left)} chunks short; what is stored stays, and the same evaluation goes "
        f"on from there. The last loss: {losses[-1] if losses else 'no node has the device'}"
    )


class Crew:
    """The workers on a cluster while they share one queue, as many as the cluster has devices at any time."""

    def __init__(
        self,
        ray: Any,
        plan: Plan,
        candidate: Candidate,
        chunks: Sequence[Chunk],
        advance: Callable[[int], None],
        show: Callable[[Sequence[Member]], None],
    ) -> None:
        self.tally = Tally()
        self.losses: list[str] = []
        self.given_up = False
        self._ray, self._plan, self._candidate = ray, plan, candidate
        self._advance, self._show = advance, show
        self._queue = ray.remote(Queue).options(num_cpus=0, resources=HEAD).remote(list(chunks))
        self._actors: list[Any] = []
        self._places: list[Place] = []
        self._ends: dict[int, tuple[str, str]] = {}
        self._under_way: dict[Any, int] = {}
        self._barren = self._rows = self._most = 0
        self._all = sum(chunk.stop - chunk.start for chunk in chunks)
        self._shown: list[tuple[str, str]] = []

    def work(self) -> None:
        """Hire workers as devices come, and hear from them until nothing is left, or there is no hope.

        Raises:
            AssayError: What a worker raised.
        """
        due, alive = 0.0, time.monotonic()
        while self._ray.get(self._queue.open.remote()):
            now = time.monotonic()
            if now >= due:
                due = now + CENSUS
                self._hire()
            if self._report():
                alive = now
            elif now - alive > ABSENCE:
                self.losses.append(f"no worker has started in {ABSENCE:.0f} s")
                self.given_up = True
            if not self._under_way and self._hopeless():
                self.given_up = True
            if self.given_up:
                return
            if not self._under_way:
                time.sleep(GLANCE)
                continue
            done, _ = self._ray.wait(list(self._under_way), timeout=GLANCE)
            for reference in done:
                self._hear(reference)
        self._report(over=True)

    def dismiss(self) -> None:
        """End every worker and the queue."""
        for actor in (*self._actors, self._queue):
            self._ray.kill(actor)

    def _hopeless(self) -> bool:
        """Tell whether workers were lost so often since a row was finished that more would be lost too."""
        return self._barren >= ROUNDS * max(1, self._most)

    def _hire(self) -> None:
        """Start a worker on every device that has none."""
        if self._hopeless():
            return
        wanted = places(self._ray, self._candidate.options.device, self._plan.evaluation.settings.workers)
        self._most = max(self._most, len(wanted))
        free = Counter(wanted) - Counter(self._places[number] for number in self._under_way.values())
        # A worker that would find nothing to take need not load the model; and where there are as many as
        # were asked for, a place that another node made larger is not one that is free.
        most = min(len(wanted) - len(self._under_way), self._ray.get(self._queue.left.remote()))
        for place in list(free.elements())[: max(0, most)]:
            number, worker = len(self._actors), _started(self._ray, place)
            self._actors.append(worker)
            self._places.append(place)
            placed = replace(
                self._candidate,
                options=replace(self._candidate.options, device=_device(self._candidate, place)),
            )
            said = worker.predict.remote(self._queue, number, self._plan, placed, place.threads)
            self._under_way[said] = number

    def _hear(self, reference: Any) -> None:
        """Hear that a worker has ended, and how; what a lost one had not stored goes to the others."""
        number = self._under_way.pop(reference)
        try:
            self.tally.add(self._ray.get(reference))
            self._ends[number] = "done", ""
        except self._ray.exceptions.RayTaskError as error:
            cause = _said(error)
            # Where others predict already, a node that joined unfit is left out.
            if not (isinstance(cause, Unfit) and self._rows):
                raise cause from error
            self._lost(number, str(cause))
        except self._ray.exceptions.RayError as error:
            self._lost(number, described(error))
        taken = self._ray.get(self._queue.end.remote(number))
        if self._ends[number][0] == "lost":
            lost = still_missing(self._plan, self._candidate, taken)
            self._ray.get(self._queue.give_back.remote(lost))

    def _lost(self, number: int, why: str) -> None:
        self._barren += 1
        self.losses.append(why)
        self._ends[number] = "lost", why

    def _report(self, over: bool = False) -> bool:
        """Tell of finished rows, show the workers if any changed, and return whether any is at work.

        Args:
            over: No chunk is left or in hand: a worker that came too late for one has nothing to do either.
        """
        shares: dict[int, Share] = self._ray.get(self._queue.shares.remote())
        # Rows that were lost with a worker after it had told of them are told of once.
        rows = min(self._all, sum(share.rows for share in shares.values()))
        if rows > self._rows:
            self._advance(rows - self._rows)
            self._rows, self._barren = rows, 0
        members = [
            self._member(number, shares.get(number, Share()), over) for number in range(len(self._places))
        ]
        now = [(member.state, member.share.node) for member in members]
        if now != self._shown:
            self._shown = now
            self._show(members)
        return any(member.state == "at work" for member in members)

    def _member(self, number: int, share: Share, over: bool) -> Member:
        started = "done" if over else "at work"
        state, why = self._ends.get(number, (started if share.node else "waiting", ""))
        return Member(_device(self._candidate, self._places[number]), state, share, why)


def _started(ray: Any, place: Place) -> Any:
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
