"""The plan: what is decided about an evaluation before any model is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.columns import ColumnMapping
from tasks.errors import BadEvaluation, listing
from tasks.load import RowsReference
from tasks.metrics import metric, metrics
from tasks.metrics.arguments import check, translated
from tasks.metrics.contract import Metric
from tasks.spec import Evaluation, Settings
from tasks.types import task_type
from tasks.types.contract import TaskType


@dataclass(frozen=True)
class Request:
    """One metric with its arguments, checked against the task type."""

    metric: Metric
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """An evaluation with its rows found, its columns mapped and its metrics checked.

    Attributes:
        evaluation: What was asked for.
        rows: The rows, pinned.
        mapping: Which dataset column feeds which column of the task type.
        requested: The metrics, the headline first.
    """

    evaluation: Evaluation
    rows: RowsReference
    mapping: ColumnMapping
    requested: tuple[Request, ...]

    @property
    def kind(self) -> TaskType:
        """The task type."""
        return task_type(self.evaluation.task)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen or guessed, as sentences."""
        return (*self.rows.notes, *self.mapping.notes)


def requests(evaluation: Evaluation) -> tuple[Request, ...]:
    """Return the metrics of an evaluation, or its task type's defaults, checked by name and argument.

    Raises:
        UnknownName: There is no such metric, argument, or value of an argument.
        BadEvaluation: The metric judges something else than the task type predicts.
        Refused: The metric runs code from elsewhere, and the settings do not allow it.
    """
    kind = task_type(evaluation.task)
    asked = [(each.name, each.arguments) for each in evaluation.metrics] or kind.metrics
    found = tuple(_request(kind, name, arguments, evaluation.settings) for name, arguments in asked)
    _check_test(found[0].metric, evaluation.settings)
    return found


def _check_test(headline: Metric, settings: Settings) -> None:
    """Refuse a test between models that does not fit the headline metric, or rows in groups.

    Raises:
        BadEvaluation: It does not.
    """
    needed = {"mcnemar": ("hit",), "wilcoxon": ("hit", "score")}.get(settings.test)
    if needed is None:
        return
    if settings.groups is not None:
        raise BadEvaluation(
            f"The test {settings.test} takes rows as independent; "
            "test rows in groups by bootstrap or randomisation."
        )
    if headline.of_a_row not in needed:
        what = "a plain share of rows, as accuracy" if settings.test == "mcnemar" else "a score of every row"
        raise BadEvaluation(
            f"The test {settings.test} needs {what}, and '{headline.name}', the first metric, is none; "
            "bootstrap and randomisation fit every metric."
        )


def check_metrics(plan: Plan, features: Mapping[str, Any]) -> None:
    """Check that the metrics asked for fit what the dataset's columns lead to.

    Raises:
        BadEvaluation: A metric needs what such columns do not give, as labels where the column holds numbers.
    """
    kind = plan.kind
    if kind.gives is None or not plan.evaluation.metrics:
        return
    given = kind.gives(features, plan.mapping.columns)
    for each in plan.requested:
        if each.metric.takes not in (*given, "anything"):
            fitting = sorted(name for name, found in metrics().items() if found.takes in given)
            raise BadEvaluation(
                f"The metric '{each.metric.name}' judges {each.metric.takes}, and with these columns "
                f"{kind.name} gives {listing(given)}; metrics that fit: {listing(fitting, 40)}."
            )


def _request(kind: TaskType, name: str, arguments: Mapping[str, Any], settings: Settings) -> Request:
    found = metric(name)
    if found.takes not in (*kind.judged_by, "anything"):
        fitting = sorted(each.name for each in metrics().values() if each.takes in kind.judged_by)
        raise BadEvaluation(
            f"The metric '{name}' judges {found.takes}, and {kind.name} gives {listing(kind.judged_by)}; "
            f"metrics that fit: {listing(fitting, 40)}."
        )
    chosen = translated(name, arguments)
    check(found, chosen)
    if "allow_remote_code" in found.arguments:
        chosen["allow_remote_code"] = settings.allow_remote_code
    if found.check is not None:
        found.check(**chosen)
    return Request(found, chosen)
