"""The scoreboard of a suite: models down, evaluations across, and how each model ranks over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tasks import report
from tasks.metrics.contract import Score
from tasks.report import RunReport

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Column:
    """One evaluation of a suite and what came of it.

    Attributes:
        label: What it is called.
        reports: One of each model that was scored.
        failure: Why some or all of it failed; None where nothing did.
        mistake: Whether that is a mistake in how it is written.
    """

    label: str
    reports: Sequence[RunReport] = ()
    failure: str | None = None
    mistake: bool = False


@dataclass(frozen=True)
class Scoreboard:
    """What a suite found.

    Attributes:
        name: The suite's.
        columns: Its evaluations, in order.
        mlflow_run_id: The run in MLflow that the evaluations' runs lie below.
        loads: How many times a model was loaded.
    """

    name: str
    columns: Sequence[Column]
    mlflow_run_id: str = ""
    loads: int = 0
    models: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        found = dict.fromkeys(each.model for column in self.columns for each in column.reports)
        object.__setattr__(self, "models", tuple(found))

    @property
    def failures(self) -> dict[str, str]:
        """What failed, by evaluation."""
        return {each.label: each.failure for each in self.columns if each.failure}


def cell(column: Column, model: str) -> RunReport | None:
    """Return a model's outcome in an evaluation; None where there is none."""
    return next((each for each in column.reports if each.model == model), None)


def headline(column: Column) -> str | None:
    """Return the score an evaluation is ranked by; None where nothing was scored."""
    return next(iter(column.reports[0].scores)) if column.reports else None


def places(scores: Mapping[str, Score]) -> dict[str, float]:
    """Rank models by one score, 1 for the best; equals share the mean of their places.

    >>> scores = {name: Score(value, None, None, 10) for name, value in (("a", 0.9), ("b", 0.7), ("c", 0.9))}
    >>> places(scores)
    {'a': 1.5, 'c': 1.5, 'b': 3.0}
    """

    def merit(model: str) -> float:
        score = scores[model]
        signed = score.value if score.higher_is_better else -score.value
        return signed if signed == signed else float("-inf")

    order = sorted(scores, key=merit, reverse=True)
    found = {}
    for model in order:
        equals = [place for place, other in enumerate(order, start=1) if merit(other) == merit(model)]
        found[model] = fmean(equals)
    return found


def mean_ranks(board: Scoreboard) -> dict[str, float]:
    """Return each model's mean place over the evaluations.

    Nothing where that would mean nothing: fewer than two models or evaluations, or a model that is not
    scored in all of them.
    """
    full = all(cell(column, model) for column in board.columns for model in board.models)
    if len(board.models) < 2 or len(board.columns) < 2 or not full:
        return {}
    ranked = [
        places({each.model: each.scores[key] for each in column.reports if key in each.scores})
        for column in board.columns
        if (key := headline(column))
    ]
    if any(len(each) < len(board.models) for each in ranked):
        return {}
    return {model: fmean(each[model] for each in ranked) for model in board.models}


def mean_scores(board: Scoreboard) -> dict[str, float]:
    """Return each model's mean score over the evaluations, where all of them are ranked by the same score."""
    keys = {headline(column) for column in board.columns}
    full = all(cell(column, model) for column in board.columns for model in board.models)
    key = next(iter(keys), None)
    if len(keys) != 1 or key is None or len(board.columns) < 2 or not full:
        return {}
    return {
        model: fmean(
            found.scores[key].value for column in board.columns if (found := cell(column, model)) is not None
        )
        for model in board.models
    }


def rows(board: Scoreboard) -> tuple[list[str], list[list[str]]]:
    """Lay a scoreboard out: its head, and a row for each model, by mean rank where there is one."""
    ranks, means = mean_ranks(board), mean_scores(board)
    head = ["model", *(_title(column) for column in board.columns)]
    head += (["mean score"] if means else []) + (["mean rank"] if ranks else [])
    laid = []
    for model in sorted(board.models, key=lambda each: ranks.get(each, 0.0)):
        line = [model, *(_shown(column, model) for column in board.columns)]
        line += [f"{means[model]:.3f}"] if means else []
        line += [f"{ranks[model]:.2f}"] if ranks else []
        laid.append(line)
    return head, laid


def _title(column: Column) -> str:
    key = headline(column)
    if key is None:
        return f"{column.label} (failed)"
    arrow = "↑" if column.reports[0].scores[key].higher_is_better else "↓"
    return f"{column.label}: {key} {arrow}"


def _shown(column: Column, model: str) -> str:
    found, key = cell(column, model), headline(column)
    if found is None or key is None or key not in found.scores:
        return "–"
    return f"{report.mark(found)} {report.shown(found.scores[key])}".strip()


def table(board: Scoreboard) -> Table:
    """Lay a scoreboard out for a terminal."""
    from rich.table import Table

    head, laid = rows(board)
    made = Table(title=f"Suite {board.name}", title_justify="left", caption=_legend(board))
    made.caption_justify = "left"
    for number, name in enumerate(head):
        made.add_column(name, justify="right" if number else "left", overflow="fold")
    for line in laid:
        made.add_row(*line)
    return made


def markdown(board: Scoreboard) -> str:
    """Write a scoreboard as a Markdown table, and what failed below it."""
    head, laid = rows(board)
    lines = [f"**Suite {report.escaped(board.name)}**", ""]
    if laid:
        lines += [f"| {' | '.join(map(report.escaped, head))} |", "|---|" + "---:|" * (len(head) - 1)]
        lines += [f"| {' | '.join([report.escaped(model), *cells])} |" for model, *cells in laid]
        lines += ["", _legend(board)]
    lines += [
        f"- {report.escaped(label)} failed: {report.escaped(why)}" for label, why in board.failures.items()
    ]
    return "\n".join(lines)


def _legend(board: Scoreboard) -> str:
    reports = [each for column in board.columns for each in column.reports]
    words = ["★ best of its evaluation"] if any(each.best for each in reports) else []
    words += ["≈ not to be told from the best by these rows"] if any(each.tied for each in reports) else []
    words += ["mean rank: 1 is best in every evaluation"] if mean_ranks(board) else []
    return " · ".join(words)


def as_json(board: Scoreboard) -> dict[str, Any]:
    """Return a scoreboard as the object that `--json` prints."""
    return {
        "suite": board.name,
        "mlflow_run_id": board.mlflow_run_id,
        "model_loads": board.loads,
        "mean_ranks": mean_ranks(board),
        "mean_scores": mean_scores(board),
        "evaluations": [
            {
                "evaluation": column.label,
                "headline": headline(column),
                "failure": column.failure,
                **report.as_json(column.reports),
            }
            for column in board.columns
        ],
    }


def records(board: Scoreboard) -> dict[str, list[Any]]:
    """Return a scoreboard as a table of one row a model and evaluation, by column."""
    names = ("evaluation", "model", "score", "value", "low", "high", "rows", "best", "run_id")
    found: dict[str, list[Any]] = {name: [] for name in names}
    for column in board.columns:
        key = headline(column)
        for each in column.reports:
            if key is None or key not in each.scores:
                continue
            score = each.scores[key]
            values = (column.label, each.model, key, score.value, score.low, score.high, each.rows)
            for name, value in zip(names, (*values, each.best, each.mlflow_run_id), strict=True):
                found[name].append(value)
    return found
