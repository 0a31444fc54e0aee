"""Comparison: finished runs compared by what they predicted, on the rows that all of them answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.compare import Contender, Pair, pairwise
from tasks.comparing.disagreements import MOST, Disagreements, disagreements
from tasks.data import shared_rows
from tasks.errors import BadEvaluation, listing
from tasks.metrics.contract import Score
from tasks.plan import Plan
from tasks.tracking import finished
from tasks.tracking.finished import Recorded


@dataclass(frozen=True)
class Comparison:
    """Runs compared.

    Attributes:
        task: The task type.
        dataset: The dataset's name with its configuration.
        split: The split.
        level: Confidence level of the intervals.
        run_ids: The MLflow runs, in the order they were named.
        titles: What they are called here, each by another name.
        rows: How many rows all of them answered.
        scores: Of each run, its scores on those rows, the headline first.
        pairs: Every two runs by every score; p-values Holm-corrected over the pairs by a score.
        disagreements: The rows on which they differ.
        notes: What was left out or chosen, as sentences.
    """

    task: str
    dataset: str
    split: str
    level: float
    run_ids: tuple[str, ...]
    titles: tuple[str, ...]
    rows: int
    scores: tuple[Mapping[str, Score], ...]
    pairs: tuple[Pair, ...]
    disagreements: Disagreements
    notes: tuple[str, ...]


def compare(
    names: Sequence[str],
    *,
    metrics: Sequence[object] = (),
    most: int = MOST,
    dataset: str | None = None,
) -> Comparison:
    """Compare finished runs; no model runs.

    Args:
        names: Runs by id, the beginning of one, or name; an evaluation's run stands for its models'.
        metrics: Metrics to compare by; none for those that all of the runs were judged by.
        most: The most rows shown of those they differ on.
        dataset: Where the dataset lies now, if no longer where it was.

    Raises:
        NotFound: A run, its predictions or its dataset is not there.
        BadEvaluation: Fewer than two runs are named, or they cannot be compared; the message says why.
    """
    runs = finished.find(names)
    if len(runs) < 2:
        raise BadEvaluation(
            "A comparison takes two runs or more; name them by id, the beginning of one, or name, or name an "
            "evaluation of several models."
        )
    if dataset:
        runs = [replace(run, record=run.record.moved(dataset=dataset)) for run in runs]
    _check_task(runs)
    asked = list(metrics) or _metrics_of_all(runs)
    plans = _plans(runs, asked)
    contenders, plan, notes = _on_the_same_rows(runs, plans)
    found = pairwise(plan, contenders)
    whole = plan.rows.rows or len(found.rows)
    if len(found.rows) < whole:
        notes.append(f"{whole - len(found.rows)} rows that not every model answered are left out.")
    return Comparison(
        plan.kind.name,
        plan.rows.name,
        plan.rows.split,
        plan.evaluation.settings.level,
        tuple(run.run_id for run in runs),
        found.titles,
        len(found.rows),
        found.scores,
        found.pairs,
        disagreements(plan, contenders, found, most),
        tuple(notes),
    )


def _check_task(runs: Sequence[Recorded]) -> None:
    tasks = {run.record.title: run.record.evaluation.task for run in runs}
    if len(set(tasks.values())) > 1:
        raise BadEvaluation(
            "These runs are of different task types: "
            f"{listing(f'{title} is {task}' for title, task in tasks.items())}."
        )


def _metrics_of_all(runs: Sequence[Recorded]) -> list[Any]:
    """Return the metrics, with their arguments, that every run was judged by, in the first one's order."""
    judged_by = [run.record.judged_by for run in runs]
    shared = [each for each in judged_by[0] if all(each in others for others in judged_by[1:])]
    if not shared:
        raise BadEvaluation(
            "These runs were judged by no metric in common: "
            + listing(
                f"{run.record.title} by {listing(each['name'] for each in metrics)}"
                for run, metrics in zip(runs, judged_by, strict=True)
            )
            + "; name one, as --metric."
        )
    return shared


def _plans(runs: Sequence[Recorded], metrics: Sequence[object]) -> list[Plan]:
    """Return the plan of each run; runs of one evaluation share what was read."""
    return [finished.plan(run.record, metrics) for run in runs]


def _on_the_same_rows(
    runs: Sequence[Recorded], plans: Sequence[Plan]
) -> tuple[list[Contender], Plan, list[str]]:
    """Return runs as contenders on the rows of the smallest of them, that run's plan, and notes.

    Raises:
        BadEvaluation: Their rows are of different data, or the smallest's are not among the others'.
    """
    least = min(plans, key=lambda plan: plan.rows.rows or 0)
    notes = []
    contenders = []
    titles = _titles(runs)
    for run, plan, title in zip(runs, plans, titles, strict=True):
        _check_references(least, plan, (titles[plans.index(least)], title))
        made = replace(finished.contender(run), title=title, plan=replace(plan, rows=least.rows))
        if plan.rows.fingerprint != least.rows.fingerprint:
            if why := shared_rows.difference(least.rows, plan.rows):
                raise BadEvaluation(
                    f"'{titles[plans.index(least)]}' and '{title}' were judged on different rows: "
                    f"they differ in {why}."
                )
            place = {number: position for position, number in enumerate(shared_rows.numbers(least.rows))}
            here = shared_rows.numbers(plan.rows)
            if not set(place) <= set(here):
                raise BadEvaluation(
                    f"'{titles[plans.index(least)]}' and '{title}' were judged on different rows of "
                    f"'{plan.rows.name}': {len(set(place) & set(here))} of the {len(place)} rows of the one "
                    f"are among the {len(here)} of the other; one must hold all rows of the other."
                )
            moves = {old: place[number] for old, number in enumerate(here) if number in place}
            made = replace(made, table=shared_rows.renumbered(made.table, moves))
            notes.append(
                f"'{title}' was judged on {len(here)} rows; the {len(place)} in common are compared."
            )
        contenders.append(made)
    return contenders, least, notes


def _check_references(one: Plan, other: Plan, titles: tuple[str, str]) -> None:
    for name in one.kind.references:
        columns = [plan.mapping.columns.get(name) for plan in (one, other)]
        if columns[0] != columns[1]:
            raise BadEvaluation(
                f"'{titles[0]}' and '{titles[1]}' were judged by different columns: {name} was read from "
                f"{columns[0]} and from {columns[1]}."
            )


def _titles(runs: Sequence[Recorded]) -> list[str]:
    """Name each run, adding the beginning of its id where its model's title alone does not tell two apart."""
    times = Counter(run.record.title for run in runs)
    return [
        f"{run.record.title} ({run.run_id[:8]})" if times[run.record.title] > 1 else run.record.title
        for run in runs
    ]
