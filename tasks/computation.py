"""Computation: the missing predictions of one candidate, computed in this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from tasks.candidates import Candidate, store_of
from tasks.data.intake import Intake
from tasks.elsewhere import prediction_files
from tasks.elsewhere.functions import Caller
from tasks.engines import FILE, opener
from tasks.inference import dispatch, engine
from tasks.inference.chunks import Chunk
from tasks.inference.efficiency import Meter, figures
from tasks.inference.engine import Flow
from tasks.inference.predictor import ROW, Options, Predictor, Remote
from tasks.inference.tally import Tally
from tasks.load import count_of, head_rows, open_rows
from tasks.plan import Plan
from tasks.spec import Settings
from tasks.types.contract import TaskType
from tasks.types.nesting import roots, values

HEAVY = frozenset({"images", "seconds"})
"""Units of cost whose prepared rows are large: few may wait."""


def compute(
    plan: Plan,
    candidate: Candidate,
    chunks: Iterable[Chunk],
    advance: Callable[[int], None] = lambda rows: None,
) -> Tally:
    """Load a candidate's model, predict chunks into the chunk store, and measure how that went.

    Args:
        plan: What is evaluated.
        candidate: The model.
        chunks: The chunks to compute, in order; endless for a stream that has not been read to its end.
        advance: Told of finished rows.

    Raises:
        RowFailures: A row failed and the settings say to stop.
    """
    kind = plan.kind
    meter = Meter.start(candidate.options.device)
    began = time.perf_counter()
    predictor = _opened(plan, candidate)
    took = time.perf_counter() - began
    store, flow = store_of(plan, candidate), flow_of(kind, plan.evaluation.settings, candidate.options)
    if candidate.function is not None:
        flow = replace(flow, budget=float(candidate.function.batch), fixed_budget=True)
    with _reader(plan, {} if candidate.options.engine == FILE else _inputs(plan)) as read:
        if isinstance(predictor, Remote):
            tally = dispatch.predict(chunks, read, store, predictor, flow, advance)
            # What this machine spends, and what it is made of, tells nothing of the one that runs the model.
            tally.efficiency = figures(tally, candidate.options, None, "requests")
            tally.efficiency["requests_repeated"] = float(predictor.repeated)
            return tally
        tally = engine.predict(chunks, read, store, predictor, flow, advance)
    if candidate.options.engine == FILE:
        return tally
    tally.load_seconds = took
    tally.efficiency = figures(tally, candidate.options, predictor.network, kind.cost_unit) | meter.read()
    return tally


def _opened(plan: Plan, candidate: Candidate) -> Predictor:
    """Load a candidate's model, or open what stands for one."""
    if candidate.function is not None:
        features = head_rows(plan.rows).features
        given = plan.kind.gives(features, plan.mapping.columns) if plan.kind.gives else plan.kind.judged_by
        return Caller(plan.kind, candidate.function, given)
    if candidate.options.engine == FILE:
        return prediction_files.Replay(plan, candidate.checkpoint)
    return opener(plan.kind, candidate.options.engine)(candidate.checkpoint, candidate.options)


def flow_of(kind: TaskType, settings: Settings, options: Options) -> Flow:
    """Return how a model's work flows on this machine."""
    accelerated = options.device != "cpu" and options.engine == "transformers"
    return Flow(
        budget=float(settings.batch_cost or kind.batch_cost),
        fixed_budget=settings.batch_cost is not None,
        # Every thread needs a tokenizer of its own, and one keeps up with any model.
        threads=1 if kind.cost_unit == "tokens" else min(8, os.cpu_count() or 1),
        # On a CPU the model takes every core, and preparing beside it would slow both down.
        waiting=0 if not accelerated else 2 if kind.cost_unit in HEAVY else 16,
        under_way=2 if accelerated else 1,
        warm_up=not kind.generates and options.engine == "transformers",
        stop_on_error=settings.on_error == "stop",
    )


def finish(plan: Plan) -> int:
    """Return how many rows there are, after reading a stream to its end where that has not been done."""
    count = count_of(plan.rows)
    if count is None:
        with closing(Intake(plan.rows, _inputs(plan))) as intake:
            count = intake.finish()
    return count


def _inputs(plan: Plan) -> dict[str, str]:
    """Return the columns the model sees by canonical name, each with what it reads of the dataset."""
    columns = plan.mapping.columns
    return {name: columns[name] for name in plan.kind.inputs if name in columns}


@contextmanager
def _reader(
    plan: Plan, inputs: Mapping[str, str]
) -> Iterator[Callable[[Chunk], Sequence[Mapping[str, Any]]]]:
    """Yield what reads the input rows of a chunk, by canonical column name."""
    if plan.rows.streamed:
        with closing(Intake(plan.rows, inputs)) as intake:
            yield intake.read
        return
    whole = open_rows(plan.rows)
    needed = {each for column in inputs.values() for each in roots(column, whole.column_names)}
    opened = whole.select_columns(sorted(needed))

    def read(chunk: Chunk) -> Sequence[Mapping[str, Any]]:
        there = opened[chunk.start : chunk.stop] if inputs else {}
        found = {name: values(there, column) for name, column in inputs.items()}
        return [
            {ROW: chunk.start + position, **{name: found[name][position] for name in found}}
            for position in range(chunk.stop - chunk.start)
        ]

    yield read
