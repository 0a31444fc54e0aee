"""The leaderboard as one HTML file that needs no network: sorted, filtered and unfolded in the browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.board.leaderboard import Place

TEMPLATE = Path(__file__).with_name("board.html")
PINS = (
    "model_commit",
    "dataset_config",
    "dataset_revision",
    "dataset_limit",
    "columns",
    "metrics",
    "engine",
    "dtype",
    "device",
    "seed",
    "generation",
    "intervals",
    "level",
    "resamples",
    "groups",
    "version_python",
    "version_assay",
    "version_torch",
    "version_transformers",
    "version_datasets",
)
"""What a run was made with, in the order shown; what is empty is left out."""


class _Words:
    """Numbers words, so that a page says each of them once."""

    def __init__(self) -> None:
        self.every: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        if word not in self._numbers:
            self._numbers[word] = len(self.every)
            self.every.append(word)
        return self._numbers[word]


def page(places: Sequence[Place], mlflow: str = "") -> str:
    """Write the page.

    Args:
        places: By every score; the page shows the headline's until another is chosen.
        mlflow: The address of MLflow's pages, for links to the runs; empty where they are on no server.
    """
    words = _Words()
    runs: dict[str, list[Any]] = {}
    for place in places:
        if place.run_id not in runs:
            pins = [
                [words.number(name), words.number(place.pins[name])]
                for name in PINS
                if place.pins.get(name) not in (None, "", "null")
            ]
            runs[place.run_id] = [
                *(
                    words.number(each)
                    for each in (place.task, place.dataset, place.split, place.model, place.board)
                ),
                *(place.rows, place.started // 1000, place.experiment_id, place.run_id),
                *map(
                    _short, (place.rows_per_second, place.row_seconds_p90, place.parameters, place.peak_bytes)
                ),
                words.number(json.dumps(pins)),
                [],
            ]
        runs[place.run_id][-1].append(
            [
                words.number(place.score),
                *map(_short, (place.value, place.low, place.high)),
                *(int(place.higher_is_better), int(place.headline), place.rank, int(place.shared)),
                ("test", "intervals", "value").index(place.basis),
            ]
        )
    data = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "mlflow": mlflow.rstrip("/"),
        "words": words.every,
        "runs": list(runs.values()),
    }
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Inside a script element, only "<" could end it; the two separators are line ends to older browsers.
    for sign in "<>&\u2028\u2029":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/", written)


def _short(value: float | None) -> float | None:
    """Return a number with the digits that a page shows; None where there is none.

    >>> _short(0.123456789), _short(1234567.0), _short(float("nan"))
    (0.12346, 1234600.0, None)
    """
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(f"{value:.5g}")
