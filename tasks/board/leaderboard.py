"""The leaderboard: the latest finished run of every model on every dataset, from MLflow."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.board.ranks import Basis, Rank, Scored, ranks
from tasks.errors import unknown
from tasks.tracking import ledger
from tasks.tracking.ledger import Entry

if TYPE_CHECKING:
    from rich.console import Console

BOARD = ("task", "dataset", "split", "rows")
"""The tags of runs that are ranked together."""


@dataclass(frozen=True)
class Place:
    """One model on one dataset by one score.

    Attributes:
        rank: 1 for the best of its dataset, split and rows by this score; models that the data cannot tell
            apart share one.
        shared: Whether another model has the same rank.
        basis: What the rank stands on: a paired test, the intervals, or the bare values.
        headline: Whether the score is the one that its evaluation ranked by.
        pins: What the run was made with.
    """

    task: str
    dataset: str
    split: str
    model: str
    score: str
    value: float
    low: float | None
    high: float | None
    higher_is_better: bool
    rows: int
    rows_per_second: float | None
    row_seconds_p90: float | None
    parameters: float | None
    peak_bytes: float | None
    run_id: str
    experiment_id: str = ""
    started: int = 0
    rank: int = 1
    shared: bool = False
    basis: Basis = "value"
    headline: bool = True
    board: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)


def read(*, dataset: str | None = None, task: str | None = None) -> list[Place]:
    """Return the latest run of each model, dataset, split and rows by each of its scores, best first.

    Raises:
        UnknownName: Nothing was evaluated on that dataset, or of that task type.
    """
    every = places(ledger.entries())
    for what, wanted, name in (("dataset", dataset, "dataset"), ("task type", task, "task")):
        there = sorted({str(getattr(place, name)) for place in every})
        if wanted and wanted not in there:
            raise unknown(f"{what} with results", wanted, there)
        every = [place for place in every if not wanted or getattr(place, name) == wanted]
    return every


def chosen(every: Sequence[Place], metric: str | None) -> list[Place]:
    """Return the places by one score; without a name, by the one that each evaluation ranked by.

    Raises:
        UnknownName: No run has that score.
    """
    there = sorted({place.score for place in every})
    if metric and metric not in there:
        raise unknown("score", metric, there)
    return [place for place in every if (place.score == metric if metric else place.headline)]


def places(entries: Iterable[Entry]) -> list[Place]:
    """Return the latest run of each model, dataset, split and rows by each of its scores, best first.

    Args:
        entries: Finished runs, the latest first.
    """
    latest: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        latest.setdefault(tuple(map(entry.tag, (*BOARD, "model"))), entry)
    by_key = {entry.tag("key"): entry.run_id for entry in latest.values() if entry.tag("key")}
    tested = dict(_tested(latest.values(), by_key))
    boards: dict[tuple[str, ...], list[tuple[Entry, str]]] = defaultdict(list)
    for entry in latest.values():
        for score in _scores(entry):
            boards[(*map(entry.tag, BOARD), score)].append((entry, score))
    found = [place for board, on in boards.items() for place in _board("/".join(board[:4]), on, tested)]
    return sorted(
        found, key=lambda each: (each.task, each.dataset, each.split, each.board, each.score, each.rank)
    )


def _tested(
    entries: Iterable[Entry], by_key: Mapping[str, str]
) -> Iterable[tuple[tuple[frozenset[str], str], float]]:
    """Yield the p-value of each paired test that an evaluation made, by its two runs and its score."""
    for entry in entries:
        difference = json.loads(entry.tag("difference") or "{}")
        other = by_key.get(difference.get("from", ""))
        if other is not None and (p_value := difference.get("p_value")) is not None:
            yield (frozenset({entry.run_id, other}), entry.tag("headline")), float(p_value)


def _scores(entry: Entry) -> list[str]:
    named = json.loads(entry.tag("scores") or "[]") or [entry.tag("headline")]
    return [name for name in named if name in entry.metrics or name == entry.tag("headline")]


def _board(
    board: str, on: Sequence[tuple[Entry, str]], tested: Mapping[tuple[frozenset[str], str], float]
) -> list[Place]:
    score = on[0][1]
    lower = _lower_is_better(on[0][0], score)
    found = ranks(
        [Scored(entry.run_id, *_interval(entry, score)) for entry, _ in on],
        {runs: p_value for (runs, by), p_value in tested.items() if by == score} if len(on) > 1 else {},
        higher_is_better=not lower,
    )
    by_run = {entry.run_id: entry for entry, _ in on}
    return [_place(by_run[run], score, rank, board, lower) for run, rank in found.items()]


def _lower_is_better(entry: Entry, score: str) -> bool:
    if entry.tag("lower_is_better"):
        return score in json.loads(entry.tag("lower_is_better"))
    return entry.tag("headline_direction") == "down"


def _interval(entry: Entry, score: str) -> tuple[float, float | None, float | None]:
    metrics = entry.metrics
    low, high = (metrics.get(f"interval/{score}_{end}") for end in ("low", "high"))
    return metrics.get(score, float("nan")), low, high


def _place(entry: Entry, score: str, rank: Rank, board: str, lower: bool) -> Place:
    metrics = entry.metrics
    value, low, high = _interval(entry, score)
    return Place(
        task=entry.tag("task"),
        dataset=entry.tag("dataset"),
        split=entry.tag("split"),
        model=entry.tag("model"),
        score=score,
        value=value,
        low=low,
        high=high,
        higher_is_better=not lower,
        rows=int(metrics.get("rows/judged", 0)),
        rows_per_second=metrics.get("speed/rows_per_second"),
        row_seconds_p90=metrics.get("speed/row_seconds_p90"),
        parameters=metrics.get("speed/parameters"),
        peak_bytes=metrics.get("speed/device_peak_bytes", metrics.get("speed/host_peak_bytes")),
        run_id=entry.run_id,
        experiment_id=entry.experiment_id,
        started=entry.started,
        rank=rank.number,
        shared=rank.shared,
        basis=rank.basis,
        headline=score == entry.tag("headline"),
        board=board,
        pins=entry.params,
    )


def as_json(places: Sequence[Place]) -> dict[str, Any]:
    """Return the leaderboard as one object for machines."""
    return {
        "places": [
            {
                name: None if value != value else value
                for name, value in asdict(place).items()
                if name not in ("pins", "board")
            }
            for place in places
        ]
    }


BASES: Mapping[Basis, str] = {
    "test": "a paired test on the same rows",
    "intervals": "the two intervals",
    "value": "the bare values",
}


def written(place: Place) -> str:
    """Write a score with its interval."""
    if place.value != place.value:
        return "undefined"
    if place.low is None or place.high is None:
        return f"{place.value:.3f}"
    return f"{place.value:.3f} [{place.low:.3f}, {place.high:.3f}]"


def show(console: Console, places: Sequence[Place]) -> None:
    """Print the leaderboard, one block a dataset."""
    from rich.markup import escape
    from rich.table import Table

    if not places:
        console.print("Nothing has been evaluated yet.")
        return
    blocks: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place in places:
        blocks[place.task, place.dataset, place.split, place.board, place.score].append(place)
    table = Table(
        *(
            "",
            "task type",
            "dataset",
            "model",
            "score",
            "value",
            "rows",
            "rows/s",
            "p90 s",
            "params",
            "memory",
        ),
        caption="= : these rows cannot tell the models of a rank apart"
        if any(e.shared for e in places)
        else None,
        caption_justify="left",
    )
    for (task, dataset, split, *_), block in blocks.items():
        for number, place in enumerate(block):
            table.add_row(
                f"{place.rank}{'=' if place.shared else ''}",
                task if not number else "",
                escape(f"{dataset} ({split})") if not number else "",
                escape(place.model),
                f"{escape(place.score)} {'↑' if place.higher_is_better else '↓'}",
                escape(written(place)),
                str(place.rows),
                f"{place.rows_per_second:.0f}" if place.rows_per_second else "–",
                f"{place.row_seconds_p90:.2g}" if place.row_seconds_p90 else "–",
                f"{place.parameters / 1e6:.3g} M" if place.parameters else "–",
                f"{place.peak_bytes / 2**30:.1f} GB" if place.peak_bytes else "–",
                style="bold" if place.rank == 1 else "",
                end_section=number == len(block) - 1,
            )
    console.print(table)
