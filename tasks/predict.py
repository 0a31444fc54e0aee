"""Predict: run one candidate over the rows of an evaluation, chunk by chunk, into the chunk store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from tasks import home
from tasks.candidates import Candidate
from tasks.computation import compute, finish, store_of
from tasks.errors import AssayError
from tasks.inference import engine
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.segments import Segment, cover, gaps, missing
from tasks.inference.tally import Tally
from tasks.load import count_of
from tasks.plan import Plan
from tasks.types import task_type
from tasks.workers import devices_of, predict_side_by_side


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
        tally: What making them took.
    """

    url: str
    key: str
    task: str
    rows: int
    tally: Tally

    def table(self) -> pa.Table:
        """Read all predictions, in the order of the rows.

        Raises:
            FileNotFoundError: Some are not there.
        """
        store = self.store()
        segments = cover(store.stored(), self.rows)
        if gaps(segments, self.rows):
            raise FileNotFoundError(f"Predictions are missing from {store.folder}.")
        return pa.concat_tables([_rows(store, segment) for segment in segments])

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
    settings = plan.evaluation.settings
    store = store_of(plan, candidate)
    store.describe(candidate.pins)
    before = store.stored()
    count = count_of(plan.rows)
    if count is None:
        count = (store.noted("rows") or {}).get("rows")
    kept = [each for each in cover(before, count) if settings.reuse and not each.stored.failed_whole]
    reused = sum(each.stop - each.start for each in kept)
    advance(reused)
    # Endless for a stream whose length nobody has seen yet.
    wanted = missing(kept, count, settings.chunk_rows)
    first = next(wanted, None)
    tally = _computed(plan, candidate, chain([first], wanted), advance) if first else Tally()
    rows = finish(plan)
    if plan.rows.streamed:
        store.note("rows", {"rows": rows})
    made = set(missing(kept, rows, settings.chunk_rows))
    if made:
        store.note("efficiency", tally.efficiency)
    else:
        tally.efficiency = store.noted("efficiency") or {}
    in_use = {each.stored for each in kept}
    for outdated in before:
        if outdated not in in_use and outdated.chunk not in made:
            store.remove(outdated.chunk)
    tally.reused = reused
    tally.rows += reused
    for each in kept:
        share = (each.stop - each.start) / (each.stored.chunk.stop - each.stored.chunk.start)
        tally.seconds += each.stored.seconds * share
        tally.failed += _failed(store, each)
    reference = PredictionsReference(home.chunk_store(), candidate.key, plan.kind.name, rows, tally)
    if tally.failed == rows:
        problem = reference.table()["error"][0].as_py()
        raise PredictionFailed(
            f"Every row failed with the model '{candidate.title}', the first with: {problem}"
        )
    return reference


def _computed(
    plan: Plan, candidate: Candidate, wanted: Iterable[Chunk], advance: Callable[[int], None]
) -> Tally:
    """Predict chunks in this process, or in several where there are several devices or it was asked for."""
    on = devices_of(plan, candidate)
    if len(on) == 1 and on[0] == candidate.options.device:
        return compute(plan, candidate, wanted, advance)
    return predict_side_by_side(plan, candidate, list(wanted), on, advance)


def _failed(store: ChunkStore, segment: Segment) -> int:
    """Count the failed rows of a segment, reading its chunk only where the footer does not tell."""
    stored = segment.stored
    if not stored.failed or (segment.start, segment.stop) == (stored.chunk.start, stored.chunk.stop):
        return stored.failed
    return sum(error is not None for error in _rows(store, segment)["error"].to_pylist())


def _rows(store: ChunkStore, segment: Segment) -> pa.Table:
    """Read the rows of a segment."""
    chunk = segment.stored.chunk
    table = store.read(chunk)
    if table is None:
        raise FileNotFoundError(f"The chunk {chunk.name} is missing from {store.folder}.")
    return table.slice(segment.start - chunk.start, segment.stop - segment.start)
