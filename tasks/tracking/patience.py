"""Patience: waiting a bounded time for a tracking server that does not answer."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.errors import AssayError, BadEvaluation
from tasks.passing import NO_ANSWER, can_pass

T = TypeVar("T")
VARIABLE = "ASSAY_TRACKING_PATIENCE"
USUAL = 120.0
"""Seconds that an evaluation waits for a tracking server before it goes on without."""
PAUSE = 2.0

log = logging.getLogger("assay.tracking")


class Unreachable(AssayError):
    """The tracking server did not answer in time; what was to be sent waits on this disk."""


def seconds() -> float:
    """Return how long to wait: `ASSAY_TRACKING_PATIENCE`, else two minutes.

    Raises:
        BadEvaluation: The variable is no number of seconds.
    """
    given = os.environ.get(VARIABLE)
    try:
        wanted = float(given) if given else USUAL
    except ValueError:
        wanted = -1.0
    if not 0 <= wanted < float("inf"):
        raise BadEvaluation(f"{VARIABLE} is '{given}', and must be a number of seconds, as 120.")
    return wanted


def until_answered(work: Callable[[], T], what: str, longest: float) -> T:
    """Do something that needs the server, again and again while it does not answer.

    Args:
        work: What can be done twice without harm.
        what: What does not answer, for the message.
        longest: Seconds to wait altogether; 0 tries once.

    Raises:
        Unreachable: It did not answer in that time.
    """
    began = time.monotonic()
    told = False
    while True:
        try:
            return work()
        except Exception as error:
            if not can_pass(error, NO_ANSWER):
                raise
            left = began + longest - time.monotonic()
            if left <= 0:
                raise Unreachable(f"{what} does not answer.") from error
            if not told:
                log.warning("%s does not answer; waiting up to %.0f seconds for it.", what, left)
                told = True
            time.sleep(min(PAUSE, left))
