"""A million rows: every classification metric with its interval, each in a process of its own.

`python -m benchmarks.million NAME` measures one metric and prints seconds and the highest memory as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.measurement import Result, side_by_side, timed
from tasks.metrics import METRICS, compute

ROWS, LABELS = 1_000_000, 10
MOST_SECONDS, MOST_BYTES = 10.0, 2 * 10**9
JUDGED = ("labels", "probabilities", "label_sets")
THEIRS = "roc_auc"
"""The costliest, whose value scikit-learn computes beside."""


def inputs(name: str) -> tuple[Any, Any]:
    """Return a million rows that a metric can judge: labels as text, probabilities, sets as 0 and 1."""
    generator = np.random.default_rng(0)
    if METRICS[name].takes == "label_sets":
        right = (generator.random((ROWS, LABELS)) < 0.3).astype(np.int8)
        if name == "label_ranking_average_precision":
            return generator.random((ROWS, LABELS)), right
        return np.where(generator.random((ROWS, LABELS)) < 0.9, right, 1 - right), right
    number = generator.integers(0, LABELS, ROWS)
    if METRICS[name].takes == "probabilities":
        given = generator.random((ROWS, LABELS))
        given[np.arange(ROWS), number] += 0.5
        return given / given.sum(axis=1, keepdims=True), number
    other = np.where(generator.random(ROWS) < 0.8, number, generator.integers(0, LABELS, ROWS))
    names = [f"label {each}" for each in range(LABELS)]
    return [names[each] for each in other.tolist()], [names[each] for each in number.tolist()]


def measured(name: str) -> dict[str, float]:
    """Return the seconds a metric with its interval takes, and the highest memory of this process."""
    predictions, references = inputs(name)
    seconds = timed(lambda: compute(name, predictions=predictions, references=references))
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def million() -> Result:
    """ROC AUC of a million rows of 10 labels beside scikit-learn's value alone; the cost of all others too.

    Raises:
        AssertionError: A metric takes 10 seconds or more, or 2 GB.
    """
    from sklearn.metrics import roc_auc_score

    found: dict[str, dict[str, float]] = {}
    for name in (each.name for each in METRICS.values() if each.takes in JUDGED):
        tries = []
        for _ in range(3):
            command = [sys.executable, "-m", "benchmarks.million", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            tries.append(json.loads(done.stdout))
            if tries[-1]["seconds"] < MOST_SECONDS:
                break
        found[name] = min(tries, key=lambda each: float(each["seconds"]))
        print(f"  {name}: {found[name]['seconds']:.2f} s, {found[name]['bytes'] / 1e9:.2f} GB", flush=True)
    over = [
        name for name, each in found.items() if each["seconds"] >= MOST_SECONDS or each["bytes"] >= MOST_BYTES
    ]
    assert not over, f"over 10 s or 2 GB: {over}"
    given, right = inputs(THEIRS)
    return side_by_side(
        "metric_million_rows",
        lambda: compute(THEIRS, predictions=given, references=right),
        lambda: roc_auc_score(right, given, multi_class="ovr"),
        f"1,000,000 rows of {LABELS} labels, ROC AUC: ours with an interval, scikit-learn's value alone; of "
        f"{len(found)} classification metrics with intervals the slowest took "
        f"{max(each['seconds'] for each in found.values()):.1f} s and the largest "
        f"{max(each['bytes'] for each in found.values()) / 1e9:.2f} GB",
    )


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
