"""The reevaluate flow: what changed? -> carry over -> evaluate -> against the last scores -> history."""

from __future__ import annotations

import os
from typing import Annotated

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.runtime import flow_run
from pydantic import Field

from flows import admission
from flows.evaluation import evaluate, run_name
from flows.pages.forms import form
from flows.pages.states import in_one_sentence
from flows.serving.companion import COMPANION
from tasks import track
from tasks.repetition import changes, reevaluation, reevaluation_report
from tasks.repetition.changes import Looked
from tasks.repetition.reevaluation import Reevaluated, Reevaluation
from tasks.report import RunReport
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings, TaskTypeName
from tasks.tracking.mlflow_store import client

REGRESSED = "assay.evaluation.regressed"
"""The event that says a score got worse; its payload is what a notification needs."""


@task(name="look for changes", task_run_name="look for changes", cache_policy=NO_CACHE)
def look(evaluation: Evaluation) -> list[Looked]:
    """Ask whether model, dataset or anything else that matters is otherwise than at the last evaluation."""
    found = changes.look(evaluation)
    for each in found:
        get_run_logger().info(f"{each.name}: {', '.join(each.changed) or 'nothing changed'}")
    return found


@task(name="carry over", task_run_name="carry over", cache_policy=NO_CACHE)
def carry_over(evaluation: Evaluation, looked: list[Looked]) -> int:
    """Keep the predictions of rows that a new version of the dataset has in common with the last."""
    rows = reevaluation.carry(evaluation, looked)
    get_run_logger().info(f"{rows} predictions of unchanged rows were carried over.")
    return rows


@task(name="against the last", task_run_name="against the last {looked.name}", cache_policy=NO_CACHE)
def judge(looked: Looked, report: RunReport, alpha: float, margin: float) -> Reevaluated:
    """Test a model's scores against its last ones on the rows that are still the same."""
    return reevaluation.judge(
        looked, report.mlflow_run_id, reused=report.reused_rows, alpha=alpha, margin=margin
    )


@task(name="history", task_run_name="history {looked.name}", cache_policy=NO_CACHE)
def remember(looked: Looked, judged: Reevaluated) -> Reevaluated:
    """Add the scores to the model's history in MLflow."""
    return reevaluation.remember(looked, judged)


def _run_name() -> str:
    return f"again · {run_name()}"


@flow(name="reevaluate", flow_run_name=_run_name)
@in_one_sentence
def reevaluate(
    task: TaskTypeName,
    dataset: Dataset,
    models: list[Model],
    columns: dict[str, str] | None = None,
    metrics: list[Metric] | None = None,
    settings: Settings | None = None,
    margin: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] = 0.0,
    alpha: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.05,
) -> Reevaluation:
    """Evaluate models again where something changed, and say which scores got worse.

    Args:
        task: The kind of problem, named as on the Hub.
        dataset: Which rows to evaluate on.
        models: The models to evaluate.
        columns: Which dataset column feeds which column of the task type, as {"text": "sentence"}. Left
            out, it is guessed and shown.
        metrics: Metrics; left out, the task type's defaults.
        settings: How to run it. The defaults are right for most evaluations.
        margin: A difference up to this does not matter, in the score's own units.
        alpha: A difference counts where its p-value, corrected over the scores, is below this.
    """
    evaluation = Evaluation(
        task=task,
        dataset=dataset,
        models=models,
        columns=columns or {},
        metrics=metrics or [],
        settings=settings or Settings(),
    )
    admission.admit(evaluation)
    looked = look(evaluation)
    if any(each.changed for each in looked):
        carry_over(evaluation, looked)
        reports = evaluate(**{name: getattr(evaluation, name) for name in Evaluation.model_fields})
        judged = [
            remember(each, judge(each, report, alpha, margin))
            for each, report in zip(looked, reports, strict=True)
        ]
    else:
        judged = [reevaluation.unchanged(each) for each in looked]
    found = Reevaluation(
        evaluation.task, evaluation.dataset.path, evaluation.dataset.split or "", tuple(judged), alpha, margin
    )
    create_markdown_artifact(
        reevaluation_report.markdown(found), key="reevaluation", description="Against the last evaluation"
    )
    for each in found.regressed:
        _tell(found, each)
    return found


reevaluate.parameters = form(Evaluation, reevaluate.parameters)


def _tell(found: Reevaluation, each: Reevaluated) -> None:
    """Emit an event for each score that got worse."""
    experiment = client().get_run(each.run_id).info.experiment_id
    for verdict in each.regressions:
        get_run_logger().warning(
            f"{each.model}: {verdict.score} regressed from {verdict.old:.4g} to {verdict.new:.4g}."
        )
        emit_event(
            REGRESSED,
            resource={
                "prefect.resource.id": f"assay.history.{each.history_run_id}",
                "prefect.resource.name": f"{each.model} on {found.dataset}",
            },
            payload={
                "subject": f"Regressed: {each.model} on {found.dataset}, {verdict.score} {verdict.new:.3f}, "
                f"was {verdict.old:.3f}",
                "message": reevaluation_report.sentence(each),
                "model": each.model,
                "task": found.task,
                "dataset": found.dataset,
                "split": found.split,
                "score": verdict.score,
                "old": verdict.old,
                "new": verdict.new,
                "difference": verdict.difference.value,
                "p_value": verdict.difference.p_value,
                "rows": each.compared,
                "mlflow_run": track.run_url(experiment, each.run_id),
                "mlflow_previous_run_id": each.previous_run_id,
                "mlflow_history": track.run_url(experiment, each.history_run_id),
                "prefect_run": "" if COMPANION in os.environ else str(flow_run.ui_url or ""),
            },
        )
