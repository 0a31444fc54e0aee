"""Predict: run one candidate over the rows of an evaluation, chunk by chunk, into the chunk store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks import home
from tasks.candidates import Candidate
from tasks.errors import AssayError
from tasks.inference import engine
from tasks.inference.chunks import Chunk, ChunkStore, chunks_of
from tasks.load import open_rows
from tasks.plan import Plan
from tasks.types import task_type


class PredictionFailed(AssayError):
    """Every row of a model failed: that is the model's fault, not the rows'."""


@dataclass(frozen=True)
class PredictionsReference:
    """A small handle to the stored predictions of one candidate.

    Attributes:
        url: The chunk store.
        key: The prediction set's key.
        task: The task type, which knows their schema.
        rows: How many there are.
        chunk_rows: Rows in each chunk.
        tally: What making them took.
    """

    url: str
    key: str
    task: str
    rows: int
    chunk_rows: int
    tally: engine.Tally

    def table(self) -> pa.Table:
        """Read all predictions, in the order of the rows."""
        return pa.concat_tables(self.store().tables(chunks_of(self.rows, self.chunk_rows)))

    def store(self) -> ChunkStore:
        """Open the prediction set in the chunk store."""
        return ChunkStore(self.url, self.key, engine.stored_schema(task_type(self.task).prediction))


def predict(
    plan: Plan, candidate: Candidate, advance: Callable[[int], None] = lambda rows: None
) -> PredictionsReference:
    """Make sure that every prediction of a candidate is stored, computing only those that are not.

    Raises:
        RowFailures: A row failed and the settings say to stop.
        PredictionFailed: Every row failed.
    """
    kind, rows, settings = plan.kind, plan.rows, plan.evaluation.settings
    columns = plan.mapping.columns
    store = ChunkStore(home.chunk_store(), candidate.key, engine.stored_schema(kind.prediction))
    store.describe(candidate.pins)
    chunks = chunks_of(rows.rows, settings.chunk_rows)
    inputs = {dataset_column: name for name, dataset_column in columns.items() if name in kind.inputs}
    opened = open_rows(rows).select_columns(list(inputs))

    def read(chunk: Chunk) -> Sequence[Mapping[str, Any]]:
        values = opened[chunk.start : chunk.stop]
        return [
            {inputs[name]: values[name][position] for name in inputs}
            for position in range(chunk.stop - chunk.start)
        ]

    tally = engine.predict(
        chunks,
        read,
        store,
        lambda: kind.open(candidate.checkpoint, candidate.options),
        budget=float(settings.batch_cost or kind.batch_cost),
        stop_on_error=settings.on_error == "stop",
        reuse=settings.reuse,
        advance=advance,
    )
    reference = PredictionsReference(
        home.chunk_store(), candidate.key, kind.name, rows.rows, settings.chunk_rows, tally
    )
    if tally.failed == rows.rows:
        problem = reference.table()["error"][0].as_py()
        raise PredictionFailed(
            f"Every row failed with the model '{candidate.title}', the first with: {problem}"
        )
    return reference
