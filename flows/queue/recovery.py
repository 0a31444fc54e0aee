"""What is tried again: steps that a network failed, and runs whose process died."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.runtime import flow_run

from tasks.errors import AssayError
from tasks.inference.chunks import ChunkStore
from tasks.passing import can_pass

DEATHS = 3
"""How often a run's process may die, as for want of memory, with one model, no chunk finished meanwhile."""
STARTS = 12
"""How often a run is started at all: it may die elsewhere than in a prediction, too."""
NOTE = "attempt"
"""The document beside a model's chunks that tells who began to predict, and with how many chunks there."""
ADVICE = (
    "finished chunks are kept and reused. Try fewer workers (settings.workers) or smaller batches "
    "(settings.batch_cost)."
)


class AttemptsSpent(AssayError):
    """A run's process died again and again."""


def may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Tell Prefect whether to try a failed step again."""
    try:
        state.result()
    except Exception as error:
        return can_pass(error)
    return False


def check_starts() -> None:
    """Give up a run that was started too often; others start over, with every finished chunk reused.

    Raises:
        AttemptsSpent: This is one start too many.
    """
    if (flow_run.run_count or 0) > STARTS:
        raise AttemptsSpent(f"The process of this run died {STARTS} times, as for want of memory; {ADVICE}")


@contextmanager
def attempted(store: ChunkStore, model: str) -> Iterator[None]:
    """Predict with a model in the context, unless the run's process died of that again and again.

    A death counts where no chunk was finished since the one before: a machine that is taken away every hour
    gets through in the end, and a model that no memory holds does not keep the others of its run waiting.

    Args:
        store: The model's chunks.
        model: Its title.

    Raises:
        AttemptsSpent: This would be one time too many.
    """
    begun = {"run": str(flow_run.id), "finished": len(store.names()), "under_way": True}
    last = store.noted(NOTE) or {}
    deaths = last.get("deaths", 0) + 1 if all(last.get(key) == begun[key] for key in begun) else 0
    if deaths >= DEATHS:
        store.note(NOTE, {**begun, "deaths": 0, "under_way": False})
        raise AttemptsSpent(
            f"The process of this run died {DEATHS} times while '{model}' predicted, as for want of memory, "
            f"and no chunk was finished in between; {ADVICE}"
        )
    store.note(NOTE, {**begun, "deaths": deaths})
    try:
        yield
    finally:
        store.note(NOTE, {**begun, "deaths": 0, "under_way": False})
