"""The leaderboard of an evaluation's dataset, as a table on the run's page."""

from __future__ import annotations

import os

from prefect.artifacts import create_table_artifact

from flows.serving.companion import COMPANION
from tasks.board import leaderboard
from tasks.evidence import exhibits
from tasks.tracking import ledger

LATEST = 200
"""Runs that are looked at: a page is to be read, and a server gives a few hundred runs in a second."""


def show(task: str, dataset: str) -> None:
    """Put every model's latest scores on a dataset onto the run's page, best first.

    A server that lasts as long as its command has no pages.
    """
    if COMPANION in os.environ:
        return
    # The scores themselves are tracked by now; a table that cannot be had is no reason to fail.
    if rows := exhibits.attempted("leaderboard", lambda: _rows(task, dataset)):
        create_table_artifact(rows, key="leaderboard", description=f"Every model on {dataset}, best first")


def _rows(task: str, dataset: str) -> list[dict[str, str | int]]:
    places = leaderboard.places(ledger.entries({"task": task, "dataset": dataset}, LATEST))
    return [
        {
            "rank": f"{place.rank}{'=' if place.shared else ''}",
            "model": place.model,
            "score": place.score,
            "value": leaderboard.written(place),
            "split": place.split,
            "rows": place.rows,
        }
        for place in leaderboard.chosen(places, None)
    ]
