"""A suite of small evaluations, each of one model on rows of its own: real models on the demo's data.

Where there is a Ray cluster, one in five asks a model behind an endpoint from the cluster's workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.endpoint.server import Talker
from tests.endpoint.server import running as talking
from tests.fleet import nodes as cluster
from tests.fleet import talk
from tests.fleet.nodes import Nodes

MESSAGES = {
    "task": "text-classification",
    "columns": {"text": "text", "label": "topic"},
    "metrics": [{"name": "accuracy"}, {"name": "matthews_correlation"}],
}
DIGITS = {
    "task": "image-classification",
    "columns": {"image": "image", "label": "label"},
    "metrics": [{"name": "accuracy"}],
}
MODELS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("messages-topic-small", "messages", MESSAGES),
    ("messages-topic-large", "messages", MESSAGES),
    ("digits-vit-nano", "digits", DIGITS),
    ("digits-resnet", "digits", DIGITS),
    ("digits-vit-small", "digits", DIGITS),
)
CHUNK_ROWS = 5
"""Small chunks, so that a kill finds some of a model's chunks there and others not."""


RAY_WORKERS = 2
DELAY = 0.3
"""Seconds that an answer takes, so that a cluster's workers are at work for some seconds."""


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster and what its workers ask.

    Attributes:
        nodes: The cluster's.
        evaluation: What is evaluated on it.
    """

    nodes: Nodes
    evaluation: dict[str, Any]


@contextmanager
def clustered(folder: Path) -> Iterator[Cluster]:
    """Hold a cluster and a model server while the context is open, and let evaluations use them.

    Args:
        folder: Where the rows are written.
    """
    with cluster.running() as nodes, talking(Talker(key="", delay=DELAY)) as talker:
        nodes.fill(RAY_WORKERS)
        asked = talk.described(folder, talker, ray="auto")
        os.environ |= {
            "RAY_ADDRESS": nodes.address,
            "ASSAY_ENDPOINTS": talker.address,
            "ASSAY_DATA": str(folder),
        }
        yield Cluster(nodes, asked)


def evaluations(demo: Path, count: int) -> list[dict[str, Any]]:
    """Return evaluations of which no two are of the same model and rows.

    Args:
        demo: The demo's models and data.
        count: How many.
    """
    found = []
    for number in range(count):
        name, data, about = MODELS[number % len(MODELS)]
        limit = 40 + 2 * (number // len(MODELS))
        settings: dict[str, Any] = {"chunk_rows": CHUNK_ROWS, "device": "cpu", "dtype": "float32"}
        found.append(
            {
                **about,
                "dataset": {"path": str(demo / "data" / data), "split": "test", "limit": limit},
                "models": [{"name": str(demo / "models" / name)}],
                "settings": settings,
            }
        )
    return found


def suite(name: str, demo: Path, count: int, ray: Cluster | None = None) -> dict[str, Any]:
    """Return the parameters of a suite of so many evaluations.

    Args:
        name: The suite's.
        demo: The demo's models and data.
        count: How many.
        ray: Where every fifth of them is predicted, if anywhere.
    """
    every = evaluations(demo, count)
    if ray is not None:
        for number in range(len(MODELS) - 1, count, len(MODELS)):
            rows = {**ray.evaluation["dataset"], "limit": every[number]["dataset"]["limit"]}
            every[number] = {**ray.evaluation, "dataset": rows}
    entries = [
        {"name": f"{Path(each['models'][0]['name']).name} {each['dataset']['limit']}", **each}
        for each in every
    ]
    return {"name": name, "evaluations": entries}
