"""Carried over: predictions of rows that a new version of a dataset has in common with the last one.

A prediction set belongs to one version of a dataset, since its key has the rows' digest in it. Where nothing
else in the key differs, a row whose inputs are the same, byte by byte, has the same prediction, and is copied
into the new set; only the others are left to be predicted. What is drawn by a row's own seed is not, since
the seed goes by the row's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks import home
from tasks.candidates import Candidate, store_of
from tasks.data.row_digests import RowDigests, found_again, keep, kept
from tasks.errors import UserError
from tasks.inference.chunks import Chunk, ChunkStore, key_of
from tasks.inference.dispatch import ranges
from tasks.inference.engine import stored_schema
from tasks.inference.segments import predicted
from tasks.plan import Plan
from tasks.tracking import finished
from tasks.tracking.finished import Recorded


def carry_over(plan: Plan, candidate: Candidate, before: Recorded) -> int:
    """Copy predictions of an earlier run into a candidate's prediction set; return how many rows there are.

    Args:
        plan: What is evaluated now.
        candidate: Its model.
        before: A run on another version of the dataset.
    """
    if candidate.key == before.record.predictions or not _alike(candidate.pins, before.record.pins):
        return 0
    if plan.rows.streamed or not plan.evaluation.settings.reuse:
        return 0
    old = digests_of(before, plan)
    if old is None:
        return 0
    table = finished.answers(before)
    failed = [error is not None for error in table["error"].to_pylist()]
    store = store_of(plan, candidate)
    new = keep(store, plan)
    moves = {row: place for row, place in found_again(old.inputs, new.inputs).items() if not failed[place]}
    there = {row for each in predicted(store.stored()) for row in range(each.start, each.stop)}
    old_store = predictions_of(before, plan)
    pace = _pace(old_store)
    carried = 0
    most = plan.evaluation.settings.chunk_rows
    for first, last in ranges(set(moves) - there):
        for start in range(first, last, most):
            chunk = Chunk(start, min(start + most, last))
            rows = range(chunk.start, chunk.stop)
            said = table.take([moves[row] for row in rows]).to_pylist()
            records = [{**record, "row": row} for record, row in zip(said, rows, strict=True)]
            store.write(chunk, records, pace * len(records))
            carried += len(records)
    for name in ("made", "efficiency"):
        if carried and (note := old_store.noted(name)):
            store.note(name, note)
    return carried


def digests_of(run: Recorded, plan: Plan) -> RowDigests | None:
    """Return the digests of an earlier run's rows, by the columns of a plan; None where nobody knows them.

    They lie beside its predictions; else its dataset is read again, where it can still be had as it was.
    """
    known = kept(predictions_of(run, plan), plan)
    if known is not None:
        return known
    try:
        before = finished.plan(run.record)
    except UserError:
        return None
    return None if before.rows.streamed else keep(predictions_of(run, plan), before)


def predictions_of(run: Recorded, plan: Plan) -> ChunkStore:
    """Open the prediction set of a run, of a plan's task type."""
    return ChunkStore(home.chunk_store(), run.record.predictions, stored_schema(plan.kind.prediction))


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two prediction sets differ by their rows alone, and each row stands for itself."""
    keys = [key_of({name: pins[name] for name in pins if name != "rows"}) for pins in (one, other)]
    if keys[0] != keys[1]:
        return False
    return "seed" not in one and "seed" not in one.get("preprocessing", {})


def _pace(store: ChunkStore) -> float:
    """Return the seconds that a stored row took."""
    stored = store.stored()
    rows = sum(each.chunk.stop - each.chunk.start for each in stored)
    return sum(each.seconds for each in stored) / rows if rows else 0.0
