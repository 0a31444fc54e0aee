"""Sharing: several processes that run the same evaluation on one chunk store divide its chunks among them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from tasks.errors import BadEvaluation
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.claims import GLANCE, Claims
from tasks.inference.tally import Tally
from tasks.settings import Settings

STUCK = 600.0
"""Seconds in which no process finishes anything, after which what the others hold is done here as well."""


def check(settings: Settings, *, streamed: bool) -> None:
    """See that an evaluation that asks for shards can be shared out among them.

    Raises:
        BadEvaluation: It cannot.
    """
    if (settings.shards or 1) == 1:
        return
    reasons = {
        "a Ray cluster shares its chunks out itself (settings.ray)": settings.ray is not None,
        "a stream is read front to back by one process ('streaming')": streamed,
        "they share what is stored, which 'reuse: false' does not look at": not settings.reuse,
    }
    for reason, there in reasons.items():
        if there:
            raise BadEvaluation(
                f"settings.shards is {settings.shards}, and {reason}; leave one of the two out."
            )


def share(
    store: ChunkStore,
    wanted: Sequence[Chunk],
    compute: Callable[[Iterable[Chunk]], Tally],
    claims: Claims,
    stuck: float = STUCK,
) -> Tally:
    """Compute the chunks that nobody else is at work on, wait for the others, and take over from the dead.

    Args:
        store: The prediction set.
        wanted: The missing chunks.
        compute: Predicts and stores chunks; called again only for what others left undone.
        claims: Those of this process, held.
        stuck: Seconds in which nobody finishes anything, after which no claim counts.

    Returns:
        What this process did; `claims.taken` says which chunks.
    """
    tally = Tally()
    there = set(store.names())
    # Damaged chunks, and those whose rows all failed, are there by name: they are done here in any case.
    again = [chunk for chunk in wanted if chunk in there]
    left = [chunk for chunk in wanted if chunk not in there]
    claims.taken += again
    free = chain(again, claims.free(left))
    since, count = time.monotonic(), len(left)
    while True:
        first = next(free, None)
        if first is not None:
            tally.follow(compute(chain([first], free)))
        there = {*store.names(), *claims.taken}
        left = [chunk for chunk in left if chunk not in there]
        if not left:
            return tally
        if len(left) < count:
            since, count = time.monotonic(), len(left)
        if first is None:
            time.sleep(GLANCE)
        hung = time.monotonic() - since > stuck
        free = chain(claims.all(left) if hung else claims.free(left))
