"""The leaderboard: the latest finished run of every model on every dataset, from MLflow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.tracking import TAG, client

if TYPE_CHECKING:
    from mlflow.entities import Run
    from rich.console import Console

PAGE = 5000


@dataclass(frozen=True)
class Place:
    """One model on one dataset by one score."""

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


def read(*, dataset: str | None = None, task: str | None = None) -> list[Place]:
    """Return the headline score of the latest run of each model, dataset, split and rows, best first."""
    store = client()
    experiments = [each.experiment_id for each in store.search_experiments()]
    wanted = [f"tags.`{TAG}.kind` = 'run'", "attributes.status = 'FINISHED'"]
    if dataset:
        wanted.append(f"tags.`{TAG}.dataset` = '{_quoted(dataset)}'")
    if task:
        wanted.append(f"tags.`{TAG}.task` = '{_quoted(task)}'")
    latest: dict[tuple[str, ...], Run] = {}
    token = None
    while True:
        found = store.search_runs(
            experiments,
            " and ".join(wanted),
            max_results=PAGE,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        for run in found:
            tags = run.data.tags
            names = ("task", "dataset", "split", "rows", "model")
            latest.setdefault(tuple(tags.get(f"{TAG}.{name}", "") for name in names), run)
        token = found.token
        if not token:
            break
    return _ranked([_place(run) for run in latest.values()])


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _place(run: Run) -> Place:
    tags, metrics = run.data.tags, run.data.metrics
    key = tags.get(f"{TAG}.headline", "")
    return Place(
        task=tags.get(f"{TAG}.task", ""),
        dataset=tags.get(f"{TAG}.dataset", ""),
        split=tags.get(f"{TAG}.split", ""),
        model=tags.get(f"{TAG}.model", ""),
        score=key,
        value=metrics.get(key, float("nan")),
        low=metrics.get(f"interval/{key}_low"),
        high=metrics.get(f"interval/{key}_high"),
        higher_is_better=tags.get(f"{TAG}.headline_direction") != "down",
        rows=int(metrics.get("rows/judged", 0)),
        rows_per_second=metrics.get("speed/rows_per_second"),
        row_seconds_p90=metrics.get("speed/row_seconds_p90"),
        parameters=metrics.get("speed/parameters"),
        peak_bytes=metrics.get("speed/device_peak_bytes", metrics.get("speed/host_peak_bytes")),
        run_id=run.info.run_id,
    )


def _ranked(places: Sequence[Place]) -> list[Place]:
    def order(place: Place) -> tuple[Any, ...]:
        value = place.value if place.value == place.value else float("-inf")
        signed = -value if place.higher_is_better else value
        return (place.task, place.dataset, place.split, place.score, signed)

    return sorted(places, key=order)


def as_json(places: Sequence[Place]) -> dict[str, Any]:
    """Return the leaderboard as one object for machines."""
    return {
        "places": [
            {name: None if value != value else value for name, value in asdict(place).items()}
            for place in places
        ]
    }


def show(console: Console, places: Sequence[Place]) -> None:
    """Print the leaderboard, one block a dataset."""
    from rich.table import Table

    if not places:
        console.print("Nothing has been evaluated yet.")
        return
    blocks: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for place in places:
        blocks[place.task, place.dataset, place.split].append(place)
    table = Table(
        "", "task type", "dataset", "model", "score", "value", "rows", "rows/s", "p90 s", "params", "memory"
    )
    for (task, dataset, split), block in blocks.items():
        for number, place in enumerate(block):
            arrow = "↑" if place.higher_is_better else "↓"
            value = "undefined" if place.value != place.value else f"{place.value:.3f}"
            if place.low is not None and place.high is not None:
                value += f" [{place.low:.3f}, {place.high:.3f}]".replace("[", r"\[")
            table.add_row(
                str(number + 1),
                task if not number else "",
                f"{dataset} ({split})" if not number else "",
                place.model,
                f"{place.score} {arrow}",
                value,
                str(place.rows),
                f"{place.rows_per_second:.0f}" if place.rows_per_second else "–",
                f"{place.row_seconds_p90:.2g}" if place.row_seconds_p90 else "–",
                f"{place.parameters / 1e6:.3g} M" if place.parameters else "–",
                f"{place.peak_bytes / 2**30:.1f} GB" if place.peak_bytes else "–",
                style="bold" if not number else "",
                end_section=number == len(block) - 1,
            )
    console.print(table)
