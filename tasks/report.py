"""Report: what an evaluation found, as a table for people and as one object for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.compare import Outcome, Standing
from tasks.metrics.contract import Score
from tasks.plan import Plan

if TYPE_CHECKING:
    from rich.table import Table

MOST_SCORES = 6
"""Score columns shown in a terminal; the others are in MLflow and in the JSON."""


@dataclass(frozen=True)
class RunReport:
    """One model's outcome on one dataset.

    Attributes:
        model: The model's title.
        dataset: The dataset's name with its configuration.
        split: The split.
        task: The task type.
        mlflow_run_id: The run that holds everything about it.
        rows: Rows evaluated.
        reused_rows: Rows whose predictions were already stored.
        failed_rows: Rows that could not be predicted, left out of the scores.
        scores: By score key, the headline first.
        best: Whether it is the best of its evaluation.
        tied: Whether its evaluation cannot tell it from the best.
        rows_per_second: Speed of prediction; None when nothing was predicted.
        notes: What was guessed or chosen, as sentences.
    """

    model: str
    dataset: str
    split: str
    task: str
    mlflow_run_id: str
    rows: int
    reused_rows: int
    failed_rows: int
    scores: Mapping[str, Score]
    best: bool = False
    tied: bool = False
    rows_per_second: float | None = None
    notes: tuple[str, ...] = field(default=())


def reports(plan: Plan, outcomes: Sequence[Outcome], standings: Sequence[Standing]) -> list[RunReport]:
    """Gather what people want to know of each model's outcome, in the order of the models."""
    return [
        RunReport(
            model=outcome.candidate.title,
            dataset=plan.rows.name,
            split=plan.rows.split,
            task=plan.kind.name,
            mlflow_run_id=outcome.run_id,
            rows=outcome.predictions.rows,
            reused_rows=outcome.predictions.tally.reused,
            failed_rows=outcome.predictions.tally.failed,
            scores=outcome.judgement.scores,
            best=standing.best,
            tied=standing.tied,
            rows_per_second=outcome.predictions.tally.rows_per_second,
            notes=(*plan.notes, *outcome.candidate.alignment.notes),
        )
        for outcome, standing in zip(outcomes, standings, strict=True)
    ]


def as_json(reports: Sequence[RunReport]) -> dict[str, Any]:
    """Return reports as the object that `--json` prints."""
    return {
        "runs": [
            {
                "model": report.model,
                "dataset": report.dataset,
                "split": report.split,
                "task": report.task,
                "mlflow_run_id": report.mlflow_run_id,
                "rows": report.rows,
                "reused_rows": report.reused_rows,
                "failed_rows": report.failed_rows,
                "best": report.best,
                "scores": {
                    key: {
                        "value": _number(score.value),
                        "low": _number(score.low),
                        "high": _number(score.high),
                        "n": score.n,
                    }
                    for key, score in report.scores.items()
                },
            }
            for report in reports
        ]
    }


def _number(value: float | None) -> float | None:
    """Return a number that JSON can hold: NaN becomes null."""
    return None if value is None or value != value else value


def shown(score: Score) -> str:
    """Write a score with its interval.

    >>> shown(Score(0.91234, 0.88, 0.94, 500))
    '0.912 [0.880, 0.940]'
    """
    if score.value != score.value:
        return "undefined"
    value = f"{score.value:.3f}"
    if score.low is None or score.high is None:
        return value
    return f"{value} [{score.low:.3f}, {score.high:.3f}]"


def mark(report: RunReport) -> str:
    """Return the mark before a model: the best, one not to be told from it, or neither."""
    return "★" if report.best else "≈" if report.tied else " "


def score_keys(reports: Sequence[RunReport]) -> list[str]:
    """Return the score keys of several reports, in order of first appearance."""
    return list(dict.fromkeys(key for report in reports for key in report.scores))


def table(reports: Sequence[RunReport]) -> Table:
    """Lay the reports of one evaluation out for a terminal, the best model marked."""
    from rich.table import Table

    first = reports[0]
    keys = score_keys(reports)[:MOST_SCORES]
    laid = Table(
        title=f"{first.task} · {first.dataset} ({first.split}, {first.rows} rows)",
        title_justify="left",
        caption=_legend(reports, keys),
        caption_justify="left",
    )
    laid.add_column("")
    laid.add_column("model", overflow="fold")
    for key in keys:
        arrow = "↑" if first.scores[key].higher_is_better else "↓"
        laid.add_column(f"{key} {arrow}", justify="right")
    laid.add_column("reused", justify="right")
    laid.add_column("rows/s", justify="right")
    for report in reports:
        cells = [shown(report.scores[key]) if key in report.scores else "" for key in keys]
        speed = f"{report.rows_per_second:.0f}" if report.rows_per_second else "–"
        laid.add_row(
            mark(report),
            report.model,
            *cells,
            f"{report.reused_rows}/{report.rows}",
            speed,
            style="bold" if report.best else "",
        )
    return laid


def _legend(reports: Sequence[RunReport], keys: Sequence[str]) -> str:
    lines = ["★ best"] if any(report.best for report in reports) else []
    if any(report.tied for report in reports):
        lines.append("≈ not to be told from the best by these rows")
    more = len(score_keys(reports)) - len(keys)
    if more:
        lines.append(f"{more} more scores in MLflow")
    failed = {report.model: report.failed_rows for report in reports if report.failed_rows}
    lines += [f"{model}: {count} rows failed and are left out" for model, count in failed.items()]
    return " · ".join(lines)


def markdown(reports: Sequence[RunReport]) -> str:
    """Write the reports of one evaluation as a Markdown table with intervals."""
    keys = score_keys(reports)
    lines = [
        f"**{reports[0].task}** on **{escaped(reports[0].dataset)}** ({escaped(reports[0].split)}, "
        f"{reports[0].rows} rows)",
        "",
        "| | model | " + " | ".join(keys) + " |",
        "|---|---|" + "---:|" * len(keys),
    ]
    for report in reports:
        cells = [shown(report.scores[key]) if key in report.scores else "" for key in keys]
        lines.append(f"| {mark(report)} | {escaped(report.model)} | " + " | ".join(cells) + " |")
    lines += ["", _legend(reports, keys)]
    notes = [note for report in reports for note in report.notes]
    lines += [f"- {escaped(note)}" for note in dict.fromkeys(notes)]
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Escape what Markdown tables and HTML would take for their own.

    >>> escaped("a|<b>")
    'a\\|&lt;b&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")
