"""Computation: the missing predictions of one candidate, computed in this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tasks import home
from tasks.candidates import Candidate
from tasks.inference import engine
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.efficiency import Meter, figures
from tasks.inference.engine import Flow
from tasks.inference.predictor import ROW
from tasks.inference.tally import Tally
from tasks.load import open_rows
from tasks.plan import Plan
from tasks.types.nesting import roots, values

HEAVY = frozenset({"images", "seconds"})
"""Units of cost whose prepared rows are large: few may wait."""


def store_of(plan: Plan, candidate: Candidate) -> ChunkStore:
    """Open the prediction set of a candidate in the chunk store."""
    return ChunkStore(home.chunk_store(), candidate.key, engine.stored_schema(plan.kind.prediction))


def compute(
    plan: Plan,
    candidate: Candidate,
    chunks: Iterable[Chunk],
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Load a candidate's model, predict chunks into the chunk store, and measure how that went.

    Raises:
        RowFailures: A row failed and the settings say to stop.
    """
    kind = plan.kind
    meter = Meter.start(candidate.options.device)
    began = time.perf_counter()
    predictor = kind.open(candidate.checkpoint, candidate.options)
    took = time.perf_counter() - began
    store = store_of(plan, candidate)
    tally = engine.predict(chunks, _reader(plan), store, predictor, _flow(plan, candidate), advance)
    tally.load_seconds = took
    tally.efficiency = figures(tally, candidate.options, predictor.network, kind.cost_unit) | meter.read()
    return tally


def _flow(plan: Plan, candidate: Candidate) -> Flow:
    kind, settings = plan.kind, plan.evaluation.settings
    accelerated = candidate.options.device != "cpu"
    return Flow(
        budget=float(settings.batch_cost or kind.batch_cost),
        fixed_budget=settings.batch_cost is not None,
        threads=min(8, os.cpu_count() or 1),
        waiting=2 if kind.cost_unit in HEAVY else 16,
        under_way=2 if accelerated else 1,
        warm_up=not kind.generates,
        stop_on_error=settings.on_error == "stop",
    )


def _reader(plan: Plan) -> Callable[[Chunk], Sequence[Mapping[str, Any]]]:
    """Return what reads the input rows of a chunk, by canonical column name."""
    columns = plan.mapping.columns
    whole = open_rows(plan.rows)
    inputs = {name: columns[name] for name in plan.kind.inputs if name in columns}
    needed = {each for column in inputs.values() for each in roots(column, whole.column_names)}
    opened = whole.select_columns(sorted(needed))

    def read(chunk: Chunk) -> Sequence[Mapping[str, Any]]:
        there = opened[chunk.start : chunk.stop]
        found = {name: values(there, column) for name, column in inputs.items()}
        return [
            {ROW: chunk.start + position, **{name: found[name][position] for name in found}}
            for position in range(chunk.stop - chunk.start)
        ]

    return read
