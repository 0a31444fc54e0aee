"""Rounds: the suite once in peace, and again with faults, compared."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import material, outcome
from tests.chaos.faults import Fault, drawn, kill_actor, strike
from tests.chaos.material import Cluster
from tests.chaos.outcome import Outcome
from tests.chaos.place import Place

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Rounds:
    """What is the same in every round.

    Attributes:
        place: The installation.
        demo: The demo's models and data.
        count: Evaluations in the suite.
        faults: Faults in a round.
        tell: Where to say what happens.
        ray: A Ray cluster that some of the evaluations run on; one of its actors dies in every round.
    """

    place: Place
    demo: Path
    count: int
    faults: int
    tell: Tell = print
    ray: Cluster | None = None

    def calm(self) -> Outcome:
        """Run the suite undisturbed; everything else is compared with that.

        Raises:
            AssertionError: Not even that worked.
        """
        began = time.monotonic()
        complaint = self._complaints("calm", [], None)
        assert not complaint, "\n".join(complaint)
        self.tell(f"calm: complete in {time.monotonic() - began:.0f} s")
        return outcome.of(self.place.mlflow, "calm")

    def disturbed(self, seed: int, calm: Outcome) -> list[str]:
        """Run the suite with the faults of a seed; return what is wrong in the end."""
        planned = drawn(seed, self.faults)
        self.tell(f"seed {seed}: {', '.join(fault.kind for fault in planned)}")
        began = time.monotonic()
        found = self._complaints(f"chaos-{seed}", planned, calm, seed)
        verdict = "complete, scores bit-equal, nothing twice" if not found else "NOT as the calm run"
        self.tell(f"seed {seed}: {verdict}, {time.monotonic() - began:.0f} s")
        for each in found:
            self.tell(f"seed {seed}: {each}")
        return found

    def _complaints(self, name: str, planned: list[Fault], calm: Outcome | None, seed: int = 0) -> list[str]:
        self.place.forget_predictions()
        suite = material.suite(name, self.demo, self.count, self.ray)
        run = self.place.start("suite/suite", suite)
        self.place.running(run)
        over, killed = threading.Event(), list[int]()
        with ThreadPoolExecutor(1) as aside:
            if planned and self.ray is not None:
                # Whenever the suite comes to the cluster, which other faults put off.
                told = aside.submit(kill_actor, self.ray.nodes, seed, over, killed)
                told.add_done_callback(lambda done: self.tell(f"seed {seed}: {done.result()}"))
            self._strike(planned, seed)
            try:
                ended = self.place.ended(run)
            finally:
                over.set()
        self.tell(f"{name}: begun {ended.run_count} times, {ended.state_name}")
        if not (ended.state and ended.state.is_completed()):
            return [
                f"The run ended as {ended.state_name}: {ended.state.message if ended.state else ''}",
                f"Its states were {self.place.history(run)}.",
            ]
        found = outcome.of(self.place.mlflow, name)
        said = outcome.complaints(found, calm or found, self.count)
        if planned and self.ray is not None and not killed:
            said.append("No Ray actor was killed.")
        if left := self.place.left_in_outbox():
            said.append(f"The outbox still holds {left}.")
        return said

    def _strike(self, planned: list[Fault], seed: int) -> None:
        chance = random.Random(seed)
        began = time.monotonic()
        for fault in planned:
            time.sleep(fault.after)
            did = strike(fault, chance)
            self.tell(f"seed {seed}: {time.monotonic() - began:5.1f} s {fault.kind}: {did}")
