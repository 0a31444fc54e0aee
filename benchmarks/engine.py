"""Running the inference engine alone, without Prefect and MLflow, on rows in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inference.checkpoints import resolve
from tasks.inference.chunks import ChunkStore, key_of
from tasks.inference.engine import Flow, predict, stored_schema
from tasks.inference.predictor import ROW, Options, Predictor
from tasks.inference.segments import cover, missing
from tasks.inference.tally import Tally
from tasks.types import task_type


def opened(task: str, place: str, **options: Any) -> Predictor:
    """Load a model as an evaluation would, on the CPU in float32 unless told otherwise."""
    return task_type(task).open(
        resolve(place, None), Options(**{"device": "cpu", "dtype": "float32", **options})
    )


def predicted(
    task: str, predictor: Predictor, rows: Sequence[Mapping[str, Any]], **flow: Any
) -> tuple[list[dict[str, Any]], Tally]:
    """Predict rows into a store of their own, and return the stored predictions and what it took."""
    kind = task_type(task)
    numbered = [{ROW: number, **row} for number, row in enumerate(rows)]
    settings = {
        "budget": float(kind.batch_cost),
        "threads": min(8, os.cpu_count() or 1),
        "waiting": 0,
        "warm_up": not kind.generates,
        **flow,
    }
    with tempfile.TemporaryDirectory() as folder:
        store = ChunkStore(folder, key_of({}), stored_schema(kind.prediction))
        tally = predict(
            missing([], len(rows), 256),
            lambda chunk: numbered[chunk.start : chunk.stop],
            store,
            predictor,
            Flow(**settings),
        )
        found: list[dict[str, Any]] = []
        for segment in cover(store.stored(), len(rows)):
            table = store.read(segment.stored.chunk)
            assert table is not None
            found += table.to_pylist()
    return found, tally
