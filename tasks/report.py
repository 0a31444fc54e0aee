"""Report: what an evaluation found, as a table for people and as one object for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.compare import Outcome, Standing
from tasks.errors import listing
from tasks.metrics.comparison import Difference
from tasks.metrics.contract import Interval, Score
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
        difference: Its headline score minus the best's, tested; None for the best, and untested.
        level: Confidence level of the intervals.
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
    difference: Difference | None = None
    level: float = 0.95
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
            difference=standing.difference,
            level=plan.evaluation.settings.level,
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
                "against_best": _difference(report.difference),
                "level": report.level,
                "scores": {
                    key: {
                        "value": _number(score.value),
                        "low": _number(score.low),
                        "high": _number(score.high),
                        "n": score.n,
                        "method": score.method,
                    }
                    for key, score in report.scores.items()
                },
            }
            for report in reports
        ]
    }


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        name: value if isinstance(value, str) else _number(value)
        for name, value in asdict(difference).items()
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
    if found := footnote(reports):
        lines += ["", found]
    tested = [(each.model, each.difference) for each in reports if each.difference is not None]
    lines += ["", *(f"- {escaped(against_best(*each))}" for each in tested)] if tested else []
    notes = [note for report in reports for note in report.notes]
    lines += [""] if notes else []
    lines += [f"- {escaped(note)}" for note in dict.fromkeys(notes)]
    return "\n".join(lines)


METHODS: Mapping[Interval, str] = {
    "wilson": "Wilson's formula",
    "clopper-pearson": "Clopper and Pearson's formula",
    "percentile": "the percentile bootstrap",
    "bca": "the BCa bootstrap",
    "jackknife": "the jackknife",
}


def footnote(reports: Sequence[RunReport]) -> str:
    """Say how the intervals of several reports were found; nothing where there is none.

    >>> scores = {"accuracy": Score(0.9, 0.8, 1.0, 50, method="wilson")}
    >>> footnote([RunReport("m", "d", "test", "t", "", 50, 0, 0, scores)])
    "95% intervals: accuracy by Wilson's formula."
    """
    keys: dict[Interval, list[str]] = {}
    for report in reports:
        for key, score in report.scores.items():
            if score.method is not None and key not in keys.setdefault(score.method, []):
                keys[score.method].append(key)
    found = "; ".join(f"{listing(names)} by {METHODS[method]}" for method, names in keys.items())
    return f"{reports[0].level * 100:g}% intervals: {found}." if found else ""


def against_best(model: str, difference: Difference) -> str:
    """Write how a model differs from the best, and whether that could be chance.

    >>> against_best("small", Difference(-0.02, -0.03, -0.01, 0.002, effect=-0.1, effect_name="cohen_h"))
    'small: -0.020 [-0.030, -0.010] from the best, p = 0.002 (paired bootstrap), cohen_h -0.10'
    """
    between = f" [{difference.low:.3f}, {difference.high:.3f}]" if difference.low == difference.low else ""
    words = [
        f"{model}: {difference.value:+.3f}{between} from the best",
        f"p = {difference.p_value:.2g} ({difference.test})",
    ]
    if difference.effect is not None:
        words.append(f"{difference.effect_name} {difference.effect:.2f}")
    if difference.detectable is not None:
        words.append(f"these rows can show a difference of {difference.detectable:.3f}")
    return ", ".join(words)


def escaped(text: str) -> str:
    r"""Escape what Markdown and HTML would take for their own: names and labels are anybody's text.

    >>> escaped("a|<b>")
    'a\\|&lt;b&gt;'
    >>> escaped("[click](javascript:alert(1)) `x` *y*")
    '\\[click\\](javascript:alert(1)) \\`x\\` \\*y\\*'
    """
    plain = " ".join(text.splitlines()).replace("\\", "\\\\")
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{sign}" if sign in "|[]`*" else sign for sign in plain)


def loading(run_id: str) -> str:
    """Write what to look at in a run, and the line of code that loads all its predictions.

    >>> print(loading("abc").splitlines()[-2])
    import mlflow, pandas; table = pandas.read_parquet(mlflow.artifacts.download_artifacts(run_id="abc", \
artifact_path="predictions.parquet"))
    """
    where = f'run_id="{run_id or "the id of this run"}", artifact_path="predictions.parquet"'
    return (
        "Where it fails: `mistakes.html` and the pictures under *Artifacts*. All predictions with what is "
        "right, once `MLFLOW_TRACKING_URI` names this server:\n\n```python\n"
        f"import mlflow, pandas; table = pandas.read_parquet(mlflow.artifacts.download_artifacts({where}))\n"
        "```"
    )


OVERVIEW = (
    "Which model, and how sure: `forest.png`, `pairwise.png`, `quality_by_speed.png` and `side_by_side.png` "
    "under *Artifacts*."
)
"""What to look at in the run of a whole evaluation."""
