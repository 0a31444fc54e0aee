"""How a flow ends that could not do what it was asked: its state says why, in the error's own words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.states import Failed

from flows.queue import tenure
from tasks.errors import AssayError

P = ParamSpec("P")
R = TypeVar("R")


def in_one_sentence(steps: Callable[P, R]) -> Callable[P, R]:
    """Let a flow's state say what an error of Assay's says, and nothing before it.

    Prefect would put "Flow run encountered an exception" and the error's type in front. Whoever calls the
    flow in Python is raised the error all the same.
    """

    @functools.wraps(steps)
    def said(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with tenure.held():
                return steps(*args, **kwargs)
        except AssayError as error:
            return cast(R, Failed(message=str(error), data=error))

    # Written out, because Prefect would look the names of types up in this module.
    said.__signature__ = inspect.signature(steps, eval_str=True)  # type: ignore[attr-defined]
    return said
