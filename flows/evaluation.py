"""The evaluate flow: load -> map columns -> predict per model -> score -> track -> compare."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows import admission
from flows.events import announcements
from flows.membership import membership
from flows.pages import devices, standings
from flows.pages.forms import form
from flows.pages.progress import progress
from flows.pages.states import in_one_sentence
from flows.publication import publish
from flows.queue import shards, slots, tenure
from flows.queue.recovery import attempted, check_starts, may_pass
from flows.serving.companion import COMPANION
from tasks import candidates, columns, compare, configs, load, predict, report, score, track
from tasks.candidates import Candidate, store_of
from tasks.columns import ColumnMapping
from tasks.compare import Outcome, Standing
from tasks.errors import AssayError
from tasks.evidence import exhibits
from tasks.load import RowsReference
from tasks.plan import Plan, requests
from tasks.policy.allowance import watched
from tasks.predict import PredictionsReference
from tasks.publish import permission
from tasks.score import Judgement
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings, TaskTypeName
from tasks.track import ParentRun
from tasks.types import task_type

RETRIED: dict[str, Any] = {"retries": 2, "retry_delay_seconds": [1, 5], "retry_condition_fn": may_pass}
"""What every step that a network or a server can fail is run with."""


class ModelsFailed(AssayError):
    """Some models of an evaluation failed, or were not published; the others are scored and tracked.

    Attributes:
        reports: Of the models that are.
    """

    def __init__(self, message: str, reports: Sequence[report.RunReport] = ()) -> None:
        super().__init__(message)
        self.reports = reports


@task(name="load", task_run_name="load", cache_policy=NO_CACHE, **RETRIED)
def load_rows(evaluation: Evaluation) -> RowsReference:
    """Find the dataset, pin it, and count its rows."""
    return load.load(evaluation.dataset, evaluation.settings.seed)


@task(name="map columns", task_run_name="map columns", cache_policy=NO_CACHE)
def map_columns(evaluation: Evaluation, rows: RowsReference) -> ColumnMapping:
    """Check the column mapping, or guess it and say what was guessed."""
    features = load.head_rows(rows).features
    mapping = columns.map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    columns.check_groups(evaluation.settings.groups, features, rows.name)
    for note in (*rows.notes, *mapping.notes):
        get_run_logger().info(note)
    return mapping


@task(name="resolve models", task_run_name="resolve models", cache_policy=NO_CACHE, **RETRIED)
def resolve_models(plan: Plan) -> list[Candidate]:
    """Pin every model and match its labels to the dataset's, before any is loaded."""
    found = candidates.decide(plan)
    for candidate in found:
        for note in candidate.alignment.notes:
            get_run_logger().info(note)
    return found


@task(name="predict", task_run_name="predict {candidate.title}", cache_policy=NO_CACHE, **RETRIED)
def predict_rows(plan: Plan, candidate: Candidate) -> PredictionsReference:
    """Run one model over the rows, chunk by chunk, reusing what is stored."""
    if made := membership.get().made(candidate.key):
        return made
    show = progress.get()
    with (
        attempted(store_of(plan, candidate), candidate.title),
        watched(plan, candidate, admission.allowance()) as watch,
        show(candidate.title, load.count_of(plan.rows) or plan.rows.rows) as advance,
    ):
        told, holding = watch.attentive(advance), watch.patient(slots.held)
        stored = predict.predict(plan, candidate, told, holding, devices.shown(candidate.title))
    tally = stored.tally
    get_run_logger().info(
        f"{candidate.title}: {tally.rows} rows, {tally.reused} of them reused, {tally.failed} failed, "
        f"{tally.batches} batches, {tally.seconds:.1f} s"
    )
    return stored


@task(name="score", task_run_name="score {candidate.title}", cache_policy=NO_CACHE)
def score_predictions(plan: Plan, candidate: Candidate, predictions: PredictionsReference) -> Judgement:
    """Score stored predictions by every metric asked for."""
    return score.score(plan, candidate, predictions)


@task(name="track", task_run_name="track {candidate.title}", cache_policy=NO_CACHE, **RETRIED)
def track_run(
    parent: ParentRun,
    plan: Plan,
    candidate: Candidate,
    predictions: PredictionsReference,
    judgement: Judgement,
) -> Outcome:
    """Write one model's outcome into an MLflow run."""
    tenure.confirm()
    run_id = track.record(parent, plan, candidate, predictions, judgement, origin())
    return Outcome(candidate, predictions, judgement, run_id)


@task(name="compare", task_run_name="compare", cache_policy=NO_CACHE)
def compare_models(plan: Plan, outcomes: list[Outcome]) -> list[Standing]:
    """Find the best model, and which others these rows cannot tell from it."""
    return compare.standings(plan, outcomes)


def run_name() -> str:
    """Return what a run evaluates, for its page."""
    given = flow_run.parameters
    dataset, models = given.get("dataset"), given.get("models") or []
    path = dataset.get("path") if isinstance(dataset, Mapping) else getattr(dataset, "path", "?")
    count = "1 model" if len(models) == 1 else f"{len(models)} models"
    return f"{given.get('task')} · {str(path).rstrip('/').rsplit('/', 1)[-1]} · {count}"


@flow(
    name="evaluate",
    flow_run_name=run_name,
    # They are checked below, so that what is wrong with them is one sentence, as everywhere.
    validate_parameters=False,
    on_completion=[announcements.evaluation_ended],
    on_failure=[announcements.evaluation_ended],
)
@in_one_sentence
def evaluate(
    task: TaskTypeName,
    dataset: Dataset,
    models: list[Model],
    columns: dict[str, str] | None = None,
    metrics: list[Metric] | None = None,
    settings: Settings | None = None,
) -> list[report.RunReport]:
    """Evaluate one or more models on a dataset and keep every score in MLflow.

    Args:
        task: The kind of problem, named as on the Hub.
        dataset: Which rows to evaluate on.
        models: The models to evaluate and compare.
        columns: Which dataset column feeds which column of the task type, as {"text": "sentence"}. Left
            out, it is guessed and shown.
        metrics: Metrics; left out, the task type's defaults.
        settings: How to run it. The defaults are right for most evaluations.
    """
    given = {
        "task": task,
        "dataset": dataset,
        "models": models,
        "columns": columns,
        "metrics": metrics,
        "settings": settings,
    }
    check_starts()
    evaluation = configs.parse(given)
    plan, found = prepared(evaluation)
    with admission.allowed(), _tracked(plan, found) as parent:
        with shards.called(evaluation):
            outcomes, failures = _judged(parent, plan, found)
        reports = report.reports(plan, outcomes, compare_models(plan, outcomes))
        pairs = exhibits.attempted("pairwise.png", lambda: compare.headline_pairs(plan, outcomes))
        tenure.confirm()
        track.describe(parent, reports, pairs)
        create_markdown_artifact(report.markdown(reports), key="scores", description="Scores")
        standings.show(evaluation.task, reports[0].dataset)
        if parent.url.startswith("http"):
            create_link_artifact(
                parent.url,
                "The run in MLflow",
                key="mlflow-run",
                description="Scores, pins, predictions",
            )
        if failures:
            words = " ".join(f"'{title}' failed: {error}" for title, error in failures.items())
            raise ModelsFailed(words, reports)
    if evaluation.settings.publish:
        _publish(reports)
    return reports


evaluate.parameters = form(Evaluation)


def _publish(reports: Sequence[report.RunReport]) -> None:
    """Offer the results to the models' repositories; what keeps that from being done loses no score."""
    try:
        publish([each.mlflow_run_id for each in reports])
    except AssayError as error:
        raise ModelsFailed(
            f"Every model is scored and tracked, and not every result is published. {error}", reports
        ) from error


def prepared(evaluation: Evaluation) -> tuple[Plan, list[Candidate]]:
    """Find the rows, map the columns and pin the models: all that comes before a model loads.

    Raises:
        UserError: The evaluation as written cannot run.
    """
    admission.admit(evaluation)
    requested = requests(evaluation)
    rows = load_rows(evaluation)
    admission.admit_rows(rows)
    mapping = map_columns(evaluation, rows)
    plan = Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requested)
    found = resolve_models(plan)
    admission.admit_models(found)
    permission.check(plan, found)
    return plan, found


def _judged(
    parent: ParentRun, plan: Plan, found: list[Candidate]
) -> tuple[list[Outcome], dict[str, Exception]]:
    """Take each model through prediction, scoring and tracking; one that fails does not stop the others."""
    outcomes: list[Outcome] = []
    failures: dict[str, Exception] = {}
    for each in found:
        try:
            predictions = predict_rows(plan, each)
            candidate = candidates.realigned(plan, each)
            judgement = score_predictions(plan, candidate, predictions)
            outcomes.append(track_run(parent, plan, candidate, predictions, judgement))
        except Exception as error:
            failures[each.title] = error
    if not outcomes:
        raise next(iter(failures.values()))
    return outcomes, failures


@contextmanager
def _tracked(plan: Plan, found: list[Candidate]) -> Iterator[ParentRun]:
    """Hold the parent run open around the work, and close it by how the work ended."""
    tenure.confirm()
    parent = track.begin(plan, found, origin())
    try:
        yield parent
    except Exception:
        track.end(parent, "FAILED")
        raise
    except BaseException:
        track.end(parent, "KILLED")
        raise
    track.end(parent, "FINISHED")


def origin() -> dict[str, str]:
    """Return the tags that lead from an MLflow run back to its Prefect run."""
    tags = {**membership.get().tags, "assay.prefect_run": str(flow_run.id or "")}
    if COMPANION not in os.environ:
        tags["assay.prefect_url"] = str(flow_run.ui_url or "")
    return tags
