"""The tally of a prediction run: what it did, and how well the machine was used."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Tally:
    """What a prediction run did.

    Attributes:
        rows: Rows predicted or reused.
        reused: Rows found in the chunk store.
        failed: Rows that could not be read or predicted.
        seconds: Time spent preparing and predicting, loading the model not counted, now or when the
            reused rows were computed.
        load_seconds: Time spent loading the model.
        batches: Forward passes.
        budget: The batch budget at the end.
        tried: Cost done in a second at each budget that was tried.
        cost: What the predicted rows cost before padding.
        padded: What they cost as they were batched, padding included.
        operations: Floating-point operations per unit of cost; 0 where they were not counted.
        warm_up_seconds: Time spent warming up since the last window, which `seconds` leaves out.
        batch_rows: Rows of each batch.
        batch_seconds: Seconds of each batch, from its start to its predictions.
        efficiency: How well the machine was used, by name; see `efficiency.py`.
    """

    rows: int = 0
    reused: int = 0
    failed: int = 0
    seconds: float = 0.0
    load_seconds: float = 0.0
    batches: int = 0
    budget: float = 0.0
    tried: dict[float, float] = field(default_factory=dict)
    cost: float = 0.0
    padded: float = 0.0
    operations: float = 0.0
    warm_up_seconds: float = 0.0
    batch_rows: list[int] = field(default_factory=list)
    batch_seconds: list[float] = field(default_factory=list)
    efficiency: dict[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float | None:
        """Speed of prediction, that of reused rows included."""
        return self.rows / self.seconds if self.seconds else None

    def batch(self, rows: int, cost: float, padded: float, seconds: float) -> None:
        """Count one batch."""
        self.batches += 1
        self.cost += cost
        self.padded += padded
        self.batch_rows.append(rows)
        self.batch_seconds.append(seconds)

    def add(self, other: Tally) -> None:
        """Count what another worker did at the same time."""
        self.rows += other.rows
        self.failed += other.failed
        # Workers work at the same time, so the longest of them is how long it took.
        self.seconds = max(self.seconds, other.seconds)
        self.load_seconds = max(self.load_seconds, other.load_seconds)
        self.batches += other.batches
        self.budget = other.budget
        self.tried = other.tried or self.tried
        self.cost += other.cost
        self.padded += other.padded
        self.batch_rows += other.batch_rows
        self.batch_seconds += other.batch_seconds
        self.efficiency |= other.efficiency

    def follow(self, other: Tally) -> None:
        """Count what was done afterwards."""
        seconds, load = self.seconds + other.seconds, self.load_seconds + other.load_seconds
        operations = self.operations or other.operations
        self.add(other)
        self.seconds, self.load_seconds, self.operations = seconds, load, operations

    def latencies(self) -> dict[str, float]:
        """Return median, 90th and 99th percentile of the seconds a batch took, and a row within its batch."""
        if not self.batch_rows:
            return {}
        quantiles = np.array([0.5, 0.9, 0.99])
        batches = np.quantile(self.batch_seconds, quantiles)
        rows = np.quantile(np.repeat(self.batch_seconds, self.batch_rows), quantiles)
        names = ("p50", "p90", "p99")
        return {
            **{f"batch_seconds_{name}": float(value) for name, value in zip(names, batches, strict=True)},
            **{f"row_seconds_{name}": float(value) for name, value in zip(names, rows, strict=True)},
        }

    @property
    def padding_waste(self) -> float | None:
        """Share of the batched cost that was padding."""
        return 1 - self.cost / self.padded if self.padded else None
