"""What MLflow holds of a suite in the end, in a form in which two suites can be compared bit by bit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Which = tuple[str, str, str, str]
"""Dataset, split, limit, model."""


@dataclass(frozen=True)
class Outcome:
    """The runs of a suite.

    Attributes:
        scores: Of each finished run of a model, by its score's name: value, low and high as exact numbers.
        statuses: How many runs of each kind have each status, as ("run", "FINISHED").
        twice: What more than one run is of.
    """

    scores: dict[Which, dict[str, tuple[str | None, ...]]]
    statuses: Counter[tuple[str, str]]
    twice: tuple[Which, ...]


def of(mlflow: str, suite: str) -> Outcome:
    """Read all that MLflow holds of a suite."""
    from mlflow import MlflowClient

    store = MlflowClient(mlflow)
    experiments = [each.experiment_id for each in store.search_experiments()]
    runs = list(_pages(store, experiments, f"tags.`assay.suite` = '{suite}'"))
    statuses = Counter((run.data.tags["assay.kind"], run.info.status) for run in runs)
    judged = [run for run in runs if run.data.tags["assay.kind"] == "run"]
    count = Counter(_which(run) for run in judged)
    scores = {_which(run): _scores(run) for run in judged if run.info.status == "FINISHED"}
    return Outcome(scores, statuses, tuple(which for which, times in count.items() if times > 1))


def _pages(store: Any, experiments: list[str], which: str) -> Iterator[Any]:
    token = None
    while True:
        some = store.search_runs(experiments, which, page_token=token)
        yield from some
        token = some.token
        if not token:
            return


def _which(run: Any) -> Which:
    params = run.data.params
    # One whose process died while it was being sent has not all its params yet.
    return (
        run.data.tags["assay.dataset"],
        run.data.tags["assay.split"],
        params.get("dataset_limit", ""),
        run.data.tags["assay.model"],
    )


def _scores(run: Any) -> dict[str, tuple[str | None, ...]]:
    metrics = run.data.metrics

    def exact(name: str) -> str | None:
        return metrics[name].hex() if name in metrics else None

    return {
        name: (exact(name), exact(f"interval/{name}_low"), exact(f"interval/{name}_high"))
        for name in json.loads(run.data.tags["assay.scores"])
    }


def complaints(found: Outcome, calm: Outcome, count: int) -> list[str]:
    """Return in what a disturbed suite differs from the calm one, in sentences."""
    said = []
    wanted = Counter(
        {("suite", "FINISHED"): 1, ("evaluation", "FINISHED"): count, ("run", "FINISHED"): count}
    )
    if found.statuses != wanted:
        said.append(f"There are {dict(found.statuses)}, and should be {dict(wanted)}.")
    said += [f"More than one run is of {which}." for which in found.twice]
    if missing := set(calm.scores) - set(found.scores):
        said.append(f"There is no finished run of {sorted(missing)}.")
    said += [
        f"The scores of {which} are {scores}, and in the calm run {calm.scores.get(which)}."
        for which, scores in found.scores.items()
        if scores != calm.scores.get(which)
    ]
    return said


def recorded(mlflow: str, experiment: str) -> tuple[tuple[int, int], tuple[Which, ...]]:
    """Return how many finished runs of models and of evaluations there are, and what is there twice."""
    from mlflow import MlflowClient

    store = MlflowClient(mlflow)
    found = store.get_experiment_by_name(experiment)
    runs = list(_pages(store, [found.experiment_id], "")) if found is not None else []
    finished = Counter(run.data.tags["assay.kind"] for run in runs if run.info.status == "FINISHED")
    count = Counter(_which(run) for run in runs if run.data.tags["assay.kind"] == "run")
    twice = tuple(which for which, times in count.items() if times > 1)
    return (finished["run"], finished["evaluation"]), twice
