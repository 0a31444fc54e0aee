"""Latency: how long the servers take to answer what their pages ask, while they have other things to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

PAUSE = 1.0
"""Seconds between two rounds of questions, as of somebody who keeps looking."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values are not above.

    >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5), percentile([1.0, 2.0], 0.95)
    (2.0, 2.0)
    """
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@dataclass
class Answers:
    """The seconds that each question took, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def table(self) -> list[str]:
        """Return a line a question: how often it was asked, and p50, p95 and the longest in seconds."""
        return [
            f"{name:28} n {len(took):5}  p50 {percentile(took, 0.5):6.3f} s  "
            f"p95 {percentile(took, 0.95):6.3f} s  max {max(took):6.3f} s"
            for name, took in sorted(self.seconds.items())
        ]


def questions(prefect: str, mlflow: str) -> dict[str, Callable[[httpx.Client], httpx.Response]]:
    """Return what the pages ask: Prefect's lists and counts of runs and its deployments, MLflow's tables."""
    runs = {"sort": "EXPECTED_START_TIME_DESC", "limit": 50}
    return {
        "prefect runs": lambda client: client.post(f"{prefect}/api/flow_runs/filter", json=runs),
        "prefect runs of a page": lambda client: client.post(f"{prefect}/api/flow_runs/paginate", json=runs),
        "prefect count": lambda client: client.post(f"{prefect}/api/flow_runs/count", json={}),
        "prefect deployments": lambda client: client.post(f"{prefect}/api/deployments/filter", json={}),
        "mlflow experiments": lambda client: client.post(
            f"{mlflow}/api/2.0/mlflow/experiments/search", json={"max_results": 25}
        ),
        "mlflow runs": lambda client: client.post(
            f"{mlflow}/api/2.0/mlflow/runs/search",
            json={"experiment_ids": [str(number) for number in range(6)], "max_results": 100},
        ),
    }


@contextmanager
def sampled(prefect: str, mlflow: str) -> Iterator[Answers]:
    """Ask every question again and again while the context is open."""
    found = Answers()
    over = threading.Event()
    asked = questions(prefect, mlflow)

    def ask() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.wait(PAUSE):
                for name, question in asked.items():
                    began = time.monotonic()
                    try:
                        question(client).raise_for_status()
                    except httpx.HTTPError as error:
                        found.failures.append(f"{name}: {error!r}")
                    found.seconds.setdefault(name, []).append(time.monotonic() - began)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join(120)
