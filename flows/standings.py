"""The leaderboard of an evaluation's dataset, as a table on the run's page."""

from __future__ import annotations

from contextlib import suppress

from prefect.artifacts import create_table_artifact

from tasks import leaderboard
from tasks.errors import AssayError


def show(task: str, dataset: str) -> None:
    """Put every model's latest scores on a dataset onto the run's page, best first."""
    # The scores themselves are tracked by now; a table that cannot be had is no reason to fail.
    with suppress(AssayError):
        places = leaderboard.chosen(leaderboard.read(dataset=dataset, task=task), None)
        rows = [
            {
                "rank": f"{place.rank}{'=' if place.shared else ''}",
                "model": place.model,
                "score": place.score,
                "value": leaderboard.written(place),
                "split": place.split,
                "rows": place.rows,
            }
            for place in places
        ]
        create_table_artifact(rows, key="leaderboard", description=f"Every model on {dataset}, best first")
