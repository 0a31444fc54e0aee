"""Predict: run one candidate over the rows of an evaluation, chunk by chunk, into the chunk store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from tasks import home, machine, versions
from tasks.candidates import Candidate, store_of
from tasks.computation import compute, finish
from tasks.engines import SPREAD_BY_THEMSELVES
from tasks.errors import AssayError
from tasks.fleet.cluster_prediction import Member, predict_on_ray
from tasks.fleet.sharing import share
from tasks.fleet.workers import devices_of, occupied, predict_side_by_side
from tasks.inference import engine
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.inference.claims import Claims
from tasks.inference.endpoints import Price
from tasks.inference.predictor import Options
from tasks.inference.segments import Segment, cover, missing, predicted, read, read_all
from tasks.inference.tally import Tally
from tasks.load import count_of
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
        return read_all(self.store(), self.rows)

    def store(self) -> ChunkStore:
        """Open the prediction set in the chunk store."""
        return ChunkStore(self.url, self.key, engine.stored_schema(task_type(self.task).prediction))


def predict(
    plan: Plan,
    candidate: Candidate,
    advance: Callable[[int], None] = lambda rows: None,
    holding: Callable[[list[str]], AbstractContextManager[None]] = lambda devices: nullcontext(),
    show: Callable[[Sequence[Member]], None] = lambda members: None,
) -> PredictionsReference:
    """Make sure that every prediction of a candidate is stored, computing only those that are not.

    Args:
        plan: The evaluation.
        candidate: The model.
        advance: Told how many more rows are done.
        holding: Given devices, a context in which they are this model's; entered only to compute.
        show: Given the workers of a cluster, whenever one has started, ended or been lost.

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
    kept = predicted(before, count) if settings.reuse else []
    reused = sum(each.stop - each.start for each in kept)
    advance(reused)
    # Endless for a stream whose length nobody has seen yet.
    wanted = missing(kept, count, settings.chunk_rows)
    first = next(wanted, None)
    tally, shared = Tally(), list[Segment]()
    if first is not None:
        with holding(occupied(plan, candidate)):
            if settings.ray:
                tally = predict_on_ray(plan, candidate, [first, *wanted], settings.ray, advance, show)
            elif count is None or plan.rows.streamed or not settings.reuse:
                tally = _computed(plan, candidate, chain([first], wanted), advance)
            else:
                tally, shared = _shared(plan, candidate, [first, *wanted], advance)
    rows = finish(plan)
    if plan.rows.streamed:
        store.note("rows", {"rows": rows})
    made = set(missing(kept, rows, settings.chunk_rows))
    if tally.efficiency:
        store.note("efficiency", tally.efficiency)
        store.note("made", made_by(candidate.options))
    else:
        tally.efficiency = store.noted("efficiency") or {}
    in_use = {each.stored for each in kept}
    for outdated in before:
        if outdated not in in_use and outdated.chunk not in made:
            store.remove(outdated.chunk)
    tally.reused = reused + sum(each.stop - each.start for each in shared)
    tally.rows += tally.reused
    for each in (*kept, *shared):
        share = (each.stop - each.start) / (each.stored.chunk.stop - each.stored.chunk.start)
        tally.seconds += each.stored.seconds * share
        tally.failed += _failed(store, each)
    reference = PredictionsReference(home.chunk_store(), candidate.key, plan.kind.name, rows, tally)
    if candidate.checkpoint.endpoint:
        # Counted over what is stored, so that a run that was resumed or reused states the whole.
        tally.efficiency |= spent(reference.table(), candidate.checkpoint.endpoint.price)
    if tally.failed == rows:
        problem = reference.table()["error"][0].as_py()
        raise PredictionFailed(
            f"Every row failed with the model '{candidate.title}', the first with: {problem}"
        )
    return reference


def made_by(options: Options) -> dict[str, dict[str, str]]:
    """Return the machine and the libraries that predictions made now are made by."""
    libraries = {**versions.pins(), **versions.of_engine(options.engine)}
    return {"machine": machine.here(options.device), "versions": libraries}


def spent(predictions: pa.Table, price: Price | None) -> dict[str, float]:
    """Return the tokens of all predictions, and the dollars where a price is known.

    Args:
        predictions: With the columns `tokens` and `prompt_tokens`, empty where the server did not count.
        price: What a token costs.

    >>> answers = pa.table({"tokens": [5, None], "prompt_tokens": [100, None]})
    >>> spent(answers, Price(1.0, 2.0))
    {'cost/prompt_tokens': 100.0, 'cost/tokens': 5.0, 'cost/dollars': 0.00011}
    """
    if not {"tokens", "prompt_tokens"} <= set(predictions.column_names):
        return {}
    read, written = (pc.sum(predictions[name]).as_py() for name in ("prompt_tokens", "tokens"))
    if read is None or written is None:
        return {}
    found = {"cost/prompt_tokens": float(read), "cost/tokens": float(written)}
    return found | ({"cost/dollars": price.dollars(read, written)} if price else {})


def _shared(
    plan: Plan, candidate: Candidate, wanted: Sequence[Chunk], advance: Callable[[int], None]
) -> tuple[Tally, list[Segment]]:
    """Predict chunks together with whoever runs the same evaluation, and return what the others stored."""
    store = store_of(plan, candidate)
    with Claims(store).held() as claims:
        tally = share(
            store, wanted, lambda chunks: _computed(plan, candidate, chunks, advance, len(wanted)), claims
        )
        mine = set(claims.taken)
    if len(mine) == len(wanted):
        return tally, []
    theirs = set(wanted) - mine
    segments = cover(each for each in store.stored() if each.chunk in theirs)
    advance(sum(each.stop - each.start for each in segments))
    return tally, segments


def _computed(
    plan: Plan,
    candidate: Candidate,
    wanted: Iterable[Chunk],
    advance: Callable[[int], None],
    most: int | None = None,
) -> Tally:
    """Predict chunks, at most so many, in this process, or in several for several devices."""
    if candidate.options.engine in SPREAD_BY_THEMSELVES:
        return compute(plan, candidate, wanted, advance)
    on = devices_of(plan, candidate)[:most]
    if len(on) == 1 and on[0] == candidate.options.device:
        return compute(plan, candidate, wanted, advance)
    return predict_side_by_side(plan, candidate, wanted, on, advance)


def _failed(store: ChunkStore, segment: Segment) -> int:
    """Count the failed rows of a segment, reading its chunk only where the footer does not tell."""
    stored = segment.stored
    if not stored.failed or (segment.start, segment.stop) == (stored.chunk.start, stored.chunk.stop):
        return stored.failed
    return sum(error is not None for error in read(store, segment)["error"].to_pylist())
