"""The devices of a cluster while they predict: a table on the run's page, and lines in its log."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prefect import get_run_logger
from prefect.artifacts import create_table_artifact

from flows.serving.companion import COMPANION

if TYPE_CHECKING:
    from tasks.fleet.cluster_prediction import Member

EVERY = 10.0
"""Seconds between two tables, as long as anybody is at work."""


def shown(title: str) -> Callable[[Sequence[Member]], None]:
    """Return what shows who predicts with a model, and tells of everyone who joins or is lost.

    Args:
        title: The model's.
    """
    states: dict[int, str] = {}
    last = float("-inf")

    def show(members: Sequence[Member]) -> None:
        nonlocal last
        log = get_run_logger()
        for number, member in enumerate(members):
            if states.get(number, "waiting") != member.state:
                states[number] = member.state
                said = f"{title}: worker {number} on {member.share.node or 'no node'} ({member.device})"
                if member.state == "lost":
                    log.warning(f"{said} is lost, its chunks go to the others: {member.why}")
                elif member.state == "done":
                    log.info(f"{said} did {member.share.rows} rows in {member.share.chunks} chunks")
                else:
                    log.info(f"{said} is {member.state}")
        working = any(member.state == "at work" for member in members)
        if COMPANION in os.environ or (working and time.monotonic() - last < EVERY):
            return
        last = time.monotonic()
        # The client's own synchronous call; its declared type leaves that open.
        create_table_artifact(table(members), key="devices", description=f"{title}: who predicts")

    return show


def table(members: Sequence[Member]) -> list[dict[str, str | int]]:
    """Return a row for each worker there was."""
    return [
        {
            "worker": number,
            "node": member.share.node,
            "device": member.device,
            "state": member.state,
            "chunks": member.share.chunks,
            "rows": member.share.rows,
        }
        for number, member in enumerate(members)
    ]
