"""What is tried again: steps that a network failed, and runs whose process died."""

from __future__ import annotations

from typing import Any

from prefect.runtime import flow_run

from tasks.errors import AssayError
from tasks.passing import can_pass

ATTEMPTS = 3
"""How often a run is started whose process dies, as for want of memory, before it is given up."""


class AttemptsSpent(AssayError):
    """A run's process died again and again."""


def may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Tell Prefect whether to try a failed step again."""
    try:
        state.result()
    except Exception as error:
        return can_pass(error)
    return False


def check_attempts() -> None:
    """Give up a run whose process died too often; others start over, with every finished chunk reused.

    Raises:
        AttemptsSpent: This is one start too many.
    """
    if (flow_run.run_count or 0) > ATTEMPTS:
        raise AttemptsSpent(
            f"The process of this run died {ATTEMPTS} times, as for want of memory; finished chunks are kept "
            "and reused. Try fewer workers (settings.workers) or smaller batches (settings.batch_cost)."
        )
