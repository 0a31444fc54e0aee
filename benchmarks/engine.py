"""Running the inference engine alone, without Prefect and MLflow, on rows in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.computation import flow_of
from tasks.inference.checkpoints import resolve
from tasks.inference.chunks import ChunkStore, key_of
from tasks.inference.engine import predict, stored_schema
from tasks.inference.predictor import ROW, Options, Predictor
from tasks.inference.segments import missing, read_all
from tasks.inference.tally import Tally
from tasks.spec import Settings
from tasks.types import task_type

ON_CPU = Options(device="cpu", dtype="float32")


def opened(task: str, place: str, **options: Any) -> Predictor:
    """Load a model as an evaluation would, on the CPU in float32 unless told otherwise."""
    return task_type(task).open(resolve(place, None), replace(ON_CPU, **options))


def predicted(
    task: str, predictor: Predictor, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], Tally]:
    """Predict rows into a store of their own, and return the stored predictions and what it took."""
    kind = task_type(task)
    numbered = [{ROW: number, **row} for number, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        store = ChunkStore(folder, key_of({}), stored_schema(kind.prediction))
        tally = predict(
            missing([], len(rows), Settings().chunk_rows),
            lambda chunk: numbered[chunk.start : chunk.stop],
            store,
            predictor,
            flow_of(kind, Settings(), ON_CPU),
        )
        assert not tally.failed
        return read_all(store, len(rows)).to_pylist(), tally
