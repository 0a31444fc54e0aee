"""Notices: what is told when an evaluation or a suite ends, as words for people and as facts for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tasks import report
from tasks.board import scoreboard
from tasks.board.scoreboard import Scoreboard
from tasks.report import RunReport

Kind = Literal["completed", "failed"]
LONGEST = 3000
"""Characters of a message: Slack cuts longer ones into several."""


@dataclass(frozen=True)
class Notice:
    """Something to tell.

    Attributes:
        kind: What happened.
        about: What it happened to: an evaluation or a suite.
        subject: One line.
        message: The whole of it, without the links.
        facts: The same for machines: models, scores, differences.
        links: Where to look, by page.
    """

    kind: Kind
    about: Literal["evaluation", "suite"]
    subject: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def event(self) -> str:
        """The name of the event that carries it."""
        return f"assay.{self.about}.{self.kind}"

    def payload(self) -> dict[str, Any]:
        """Return what the event carries: the words, the links among them, and the facts."""
        lines = [self.message[:LONGEST], *(f"{page}: {link}" for page, link in self.links.items())]
        return {"subject": self.subject, "message": "\n".join(lines), "links": dict(self.links), **self.facts}


def completed(reports: Sequence[RunReport], links: Mapping[str, str]) -> Notice:
    """Tell of an evaluation that ended well: which model leads, by which score, and by how much.

    >>> from tasks.metrics.contract import Score
    >>> scores = {"f1": Score(0.9, 0.8, 1.0, 50)}
    >>> completed([RunReport("a", "reviews", "test", "t", "", 50, 0, 0, scores, best=True)], {}).subject
    'reviews: a leads with f1 0.900 [0.800, 1.000]'
    """
    first = next((each for each in reports if each.best), reports[0])
    leads = "leads with" if first.best else "has"
    where = f"{first.task} on {first.dataset} ({first.split}, {first.rows} rows)"
    return Notice(
        "completed",
        "evaluation",
        f"{first.dataset}: {first.model} {leads} {_headline(first)}",
        "\n".join([where, *map(_line, reports)]),
        {"dataset": first.dataset, "split": first.split, "task": first.task, "runs": _facts(reports)},
        links,
    )


def failed(name: str, why: str, links: Mapping[str, str], reports: Sequence[RunReport] = ()) -> Notice:
    """Tell of an evaluation that failed, why, and what was scored all the same."""
    lines = [why, *(["Scored all the same:", *map(_line, reports)] if reports else [])]
    facts = {"error": why, "runs": _facts(reports)}
    return Notice("failed", "evaluation", f"Failed: {name}", "\n".join(lines), facts, links)


def of_suite(board: Scoreboard, links: Mapping[str, str]) -> Notice:
    """Tell of a suite that ended: its scoreboard, and what failed of it."""
    ranks = scoreboard.mean_ranks(board)
    best = min(ranks, key=lambda model: ranks[model]) if ranks else None
    words = f"{best} leads with a mean rank of {ranks[best]:.2f}" if best else "scores are in"
    failures = board.failures
    subject = (
        f"Suite {board.name}: {f'{len(failures)} of {len(board.columns)} failed' if failures else words}"
    )
    lines = [f"{label} failed: {why}" for label, why in failures.items()]
    for column in board.columns:
        lines += [f"{column.label}:", *map(_line, column.reports)] if column.reports else []
    facts = {"suite": board.name, "mean_ranks": ranks, "failures": failures}
    kind: Kind = "failed" if failures else "completed"
    return Notice(kind, "suite", subject, "\n".join(lines), facts, links)


def _headline(found: RunReport) -> str:
    key = next(iter(found.scores))
    return f"{key} {report.shown(found.scores[key])}"


def _line(found: RunReport) -> str:
    """Write a model's headline score, and how far it is from the best."""
    words = f"{report.mark(found)} {found.model}: {_headline(found)}".strip()
    if found.difference is None:
        return words
    return f"{words}; {report.against_best(found.model, found.difference).partition(': ')[2]}"


def _facts(reports: Sequence[RunReport]) -> list[dict[str, Any]]:
    """Return each model's headline score and its difference from the best."""
    found = []
    for each in reports:
        key = next(iter(each.scores))
        score = each.scores[key]
        numbers = {"value": score.value, "low": score.low, "high": score.high}
        told = asdict(each.difference) if each.difference else {}
        numbers |= {f"difference_{name}": told[name] for name in ("value", "low", "high", "p_value") if told}
        plain = {name: None if value != value else value for name, value in numbers.items()}
        found.append(
            {
                "model": each.model,
                "score": key,
                "best": each.best,
                "mlflow_run_id": each.mlflow_run_id,
                **plain,
            }
        )
    return found
