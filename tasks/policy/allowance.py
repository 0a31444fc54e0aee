"""The allowance of a run: how long it may take and what it may spend, watched while models predict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tasks.candidates import Candidate, store_of
from tasks.errors import AssayError
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.endpoints import Price
from tasks.inference.segments import predicted
from tasks.load import count_of
from tasks.plan import Plan
from tasks.policy.rules import Limits

EVERY = 5.0
"""Seconds between two looks at what has been spent."""


class Spent(AssayError):
    """A run has had its time or its money; what it computed is kept."""


@dataclass
class Allowance:
    """What one run may take, and has taken; its time counts from its first prediction on.

    Attributes:
        limits: What it may take.
        file: Where that is written.
        clock: Seconds that only grow.
        waited: Seconds in which it waited for a device.
        dollars: What it has spent.
    """

    limits: Limits
    file: Path
    clock: Callable[[], float] = time.monotonic
    waited: float = 0.0
    dollars: float = 0.0
    _began: float | None = None

    def start(self) -> None:
        """Start the clock, unless it runs."""
        if self._began is None:
            self._began = self.clock()

    @property
    def seconds(self) -> float:
        """Seconds since the first prediction, those left out in which the run waited."""
        return 0.0 if self._began is None else self.clock() - self._began - self.waited

    def reason(self) -> str | None:
        """Return why the run may not go on; None where it may.

        >>> seconds = iter([0.0, 7201.0])
        >>> allowance = Allowance(Limits(hours=2), Path("policy.yaml"), lambda: next(seconds))
        >>> allowance.start()
        >>> allowance.reason()
        'Stopped by policy after 2 h (limits.hours in policy.yaml)'
        """
        hours, dollars = self.limits.hours, self.limits.dollars
        if hours is not None and self.seconds >= hours * 3600:
            return f"Stopped by policy after {duration(hours)} (limits.hours in {self.file})"
        if dollars is not None and self.dollars >= dollars and self.dollars > 0:
            return f"Stopped by policy after {self.dollars:.2f} dollars (limits.dollars in {self.file})"
        return None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Leave out the seconds in which the context is open."""
        began = self.clock()
        try:
            yield
        finally:
            self.waited += self.clock() - began


def duration(hours: float) -> str:
    """Write a number of hours as people say it.

    >>> duration(2), duration(0.5), duration(0.001)
    ('2 h', '30 min', '3.6 s')
    """
    if hours >= 1:
        return f"{hours:g} h"
    return f"{hours * 60:g} min" if hours >= 1 / 60 else f"{hours * 3600:g} s"


Hold = Callable[[Sequence[str]], AbstractContextManager[None]]


@dataclass
class Watch:
    """The allowance of a run, watched over one model's predictions.

    Attributes:
        plan: The evaluation.
        candidate: The model.
        allowance: What the run may take.
    """

    plan: Plan
    candidate: Candidate
    allowance: Allowance
    _store: ChunkStore = field(init=False)
    _counted: set[Chunk] = field(init=False)
    _looked: float = field(init=False)

    def __post_init__(self) -> None:
        self._store = store_of(self.plan, self.candidate)
        # What was there before has been paid for before.
        self._counted = set(self._store.names()) if self._price else set()
        self._looked = self.allowance.clock()

    @property
    def _price(self) -> Price | None:
        endpoint = self.candidate.checkpoint.endpoint
        return endpoint.price if endpoint and self.allowance.limits.dollars is not None else None

    def check(self) -> None:
        """End the model's predictions where the run has had what it may have.

        Raises:
            Spent: It has; whatever raises it stores what is whole first.
        """
        if self._price and self.allowance.clock() - self._looked >= EVERY:
            self.count()
        if reason := self.allowance.reason():
            raise Spent(reason)

    def count(self) -> None:
        """Add what the chunks cost that were stored since the last look."""
        self._looked = self.allowance.clock()
        if self._price is None:
            return
        for chunk in set(self._store.names()) - self._counted:
            table = self._store.read(chunk)
            if table is None or not {"tokens", "prompt_tokens"} <= set(table.column_names):
                continue
            self._counted.add(chunk)
            read, written = (
                sum(each or 0 for each in table[name].to_pylist()) for name in ("prompt_tokens", "tokens")
            )
            self.allowance.dollars += self._price.dollars(read, written)

    def kept(self) -> str:
        """Say how many rows are stored, so that another run goes on from there."""
        whole = count_of(self.plan.rows)
        there = sum(each.stop - each.start for each in predicted(self._store.stored(), whole))
        of = f" of {whole:,}" if whole is not None else ""
        return f"{there:,}{of} rows are kept; run it again to go on."

    def attentive(self, advance: Callable[[int], None]) -> Callable[[int], None]:
        """Return what is told of finished rows as `advance` is, and looks at the allowance each time."""

        def told(rows: int) -> None:
            advance(rows)
            self.check()

        return told

    def patient(self, hold: Hold) -> Hold:
        """Return what holds devices as `hold` does, with the seconds until they are free left out."""

        @contextmanager
        def held(devices: Sequence[str]) -> Iterator[None]:
            with ExitStack() as until:
                with self.allowance.waiting():
                    until.enter_context(hold(devices))
                yield

        return held


@contextmanager
def watched(plan: Plan, candidate: Candidate, allowance: Allowance) -> Iterator[Watch]:
    """Watch one model's predictions while the context is open.

    Raises:
        Spent: The run has had its time or money; the message says how many rows are kept.
    """
    watch = Watch(plan, candidate, allowance)
    allowance.start()
    try:
        watch.check()
        yield watch
    except Spent as reason:
        raise Spent(f"{reason}; {watch.kept()}") from None
    finally:
        watch.count()
