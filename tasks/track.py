"""Track: one MLflow run a model and dataset, below a parent run an evaluation.

What is to be tracked is written into the outbox first and sent to MLflow from there, so that a server that is
down or a process that is killed loses nothing, and nothing is there twice.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

from tasks.candidates import Candidate
from tasks.errors import NoAccess
from tasks.evidence.overview import Pairs
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.report import OVERVIEW, RunReport, loading, markdown, score_keys
from tasks.score import Judgement
from tasks.tracking import artifacts, contents, outbox, patience, views
from tasks.tracking.delivery import digest
from tasks.tracking.mlflow_store import SUITE_STARTED_BY, TAG, bury, client, experiment
from tasks.tracking.records import After, ArtifactFolder, Record, take

_impatient: set[str] = set()
"""Attempts that have waited for the server in vain: until they end, each step of theirs tries once."""


@dataclass(frozen=True)
class ParentRun:
    """A small handle to the run of a whole evaluation.

    Attributes:
        run_id: Empty while MLflow does not answer.
        experiment_id: Likewise.
        url: Its address in MLflow's pages, likewise.
        attempt: Its folder in the outbox.
    """

    run_id: str
    experiment_id: str
    url: str
    attempt: str = ""


def begin(plan: Plan, candidates: Sequence[Candidate], origin: Mapping[str, str]) -> ParentRun:
    """Open the parent run of an evaluation, or that of the same evaluation where it was stopped.

    What stopped processes left is sent first, and the runs they left running are ended.

    Args:
        plan: What is evaluated, on which rows.
        candidates: Which models.
        origin: Tags that say what started it, as the Prefect run's id and address.

    Raises:
        NoAccess: MLflow wants another user or password.
    """
    evaluation, rows = plan.evaluation, plan.rows
    name = evaluation.settings.experiment or rows.name
    what = digest(
        evaluation.model_dump(mode="json"),
        [rows.name, rows.split, rows.revision, rows.fingerprint],
        [[each.title, each.key] for each in candidates],
    )
    # A suite that goes on after its process died runs its evaluations as new Prefect runs.
    started_by = origin.get(SUITE_STARTED_BY) or origin.get(f"{TAG}.prefect_run")
    attempt, known = outbox.open_attempt(what, digest(what, started_by) if started_by else None)
    parent = Record(
        key=attempt,
        experiment=name,
        name=f"{evaluation.task} · {rows.name} · {rows.split}",
        tags={
            **contents.of_plan(plan),
            **origin,
            f"{TAG}.kind": "evaluation",
            f"{TAG}.models": ", ".join(candidate.title for candidate in candidates)[:5000],
        },
        started=_now(),
    )
    made = outbox.scratch()
    ArtifactFolder(made).log_dict("", evaluation.model_dump(mode="json"), "evaluation.json")
    place = outbox.put(attempt, parent, made)
    shutil.rmtree(made, ignore_errors=True)
    if known:
        outbox.unend(place)
    try:
        run_id = _sent(attempt, parent.key)
    except Exception as error:
        if known:
            outbox.close(attempt)
        else:
            outbox.drop(attempt)
        raise _refusal(error) or error from None
    if not run_id:
        return ParentRun("", "", "", attempt)
    with suppress(patience.Unreachable):
        patience.until_answered(lambda: _tidy(name), _mlflow(), 0)
    experiment_id = outbox.experiment_of(place)
    return ParentRun(run_id, experiment_id, run_url(experiment_id, run_id), attempt)


def record(
    parent: ParentRun,
    plan: Plan,
    candidate: Candidate,
    predictions: PredictionsReference,
    judgement: Judgement,
    origin: Mapping[str, str],
) -> str:
    """Keep everything about one candidate, and write it into a run of its own.

    The run is finished only when all of it is there. Called again with the same judgement, it finds what it
    kept and the run it made.

    Returns:
        The run's id; empty where MLflow does not answer: what was kept is sent when it does.
    """
    scores = {key: [score.value, score.low, score.high] for key, score in judgement.scores.items()}
    params = contents.params(plan, candidate)
    key = digest(parent.attempt, candidate.title, candidate.key, scores, params)
    if not (outbox.folder_of(parent.attempt) / outbox.RUNS / key).exists():
        made = outbox.scratch()
        try:
            folder = ArtifactFolder(made)
            artifacts.log(folder, "", plan, candidate, predictions, judgement)
            ended = _now()
            written = Record(
                key=key,
                experiment=plan.evaluation.settings.experiment or plan.rows.name,
                name=candidate.title,
                tags={**contents.of_run(plan, candidate, judgement), **origin, **folder.tags},
                params=params,
                metrics=contents.metrics(judgement, predictions),
                scores=tuple(judgement.scores),
                started=ended - int(predictions.tally.seconds * 1000),
                ended=ended,
                parent=parent.attempt,
                dataset=contents.dataset(plan.rows, predictions.rows),
                model=contents.model(candidate, plan.kind.name),
            )
            outbox.put(parent.attempt, written, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return _sent(parent.attempt, key)


def describe(parent: ParentRun, reports: Sequence[RunReport], pairs: Pairs | None = None) -> None:
    """Write the score table into the description of the parent and of each model's run.

    A model's run also keeps how it differs from the best of its evaluation, as it was tested; the parent has
    the pictures that compare its models, with every two of them where those were tested.
    """
    places = {}
    for place in outbox.runs_of(parent.attempt):
        if (written := take(place)) is not None:
            places[written.tags[f"{TAG}.model"]] = (place, written.key)
    best = next((places[each.model][1] for each in reports if each.best and each.model in places), None)
    for report in reports:
        if report.model not in places:
            continue
        note = f"{markdown([report])}\n\n{loading(report.mlflow_run_id)}"
        tags = {"mlflow.note.content": note, f"{TAG}.best": str(report.best).lower()}
        if report.difference is not None and best is not None:
            tags[f"{TAG}.difference"] = json.dumps({"from": best, **asdict(report.difference)})
        outbox.tell(places[report.model][0], After(tags))
    keys = score_keys(reports)
    upwards = reports[0].scores[keys[0]].higher_is_better
    place = outbox.folder_of(parent.attempt) / outbox.PARENT
    note = markdown(reports)
    # One model is compared with nothing, and drawing costs more than all else of a small evaluation.
    if len(reports) > 1:
        note = f"{note}\n\n{OVERVIEW}"
        made = outbox.scratch()
        try:
            artifacts.write_overview(made, reports, pairs)
            outbox.attach(place, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    told = After(
        {"mlflow.note.content": note},
        views={reports[0].task: views.scores(reports[0].task, keys, higher_is_better=upwards)},
    )
    outbox.tell(place, told)
    _sent(parent.attempt, parent.attempt)


def end(parent: ParentRun, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
    """Close the parent run, and send whatever is not sent yet."""
    outbox.tell(outbox.folder_of(parent.attempt) / outbox.PARENT, After(status=status))
    _impatient.discard(parent.attempt)
    try:
        _sent(parent.attempt, parent.attempt, longest=0.0 if status == "KILLED" else None)
        if count := len(outbox.waiting(parent.attempt)):
            patience.log.warning(
                "%s does not answer: %d runs wait in %s, and `assay sync` sends them.",
                *(_mlflow(), count, outbox.folder_of(parent.attempt)),
            )
    finally:
        outbox.close(parent.attempt)


def _tidy(experiment_name: str) -> None:
    """Send what stopped processes left, and end the runs they left running."""
    outbox.send_left_behind()
    store = client()
    bury(store, experiment(store, experiment_name), outbox.unfinished_keys())


def _sent(attempt: str, key: str, *, longest: float | None = None) -> str:
    """Send what an attempt has to send, waiting for the server as long as the attempt still may.

    Returns:
        The run of a key; empty where MLflow does not answer.
    """
    if longest is None:
        longest = 0.0 if attempt in _impatient else patience.seconds()
    try:
        patience.until_answered(lambda: outbox.send(attempt), _mlflow(), longest)
    except patience.Unreachable:
        _impatient.add(attempt)
    folder = outbox.folder_of(attempt)
    place = folder / outbox.PARENT if key == attempt else folder / outbox.RUNS / key
    return outbox.sent(place) or ""


def _refusal(error: Exception) -> NoAccess | None:
    """Return what a user can do about a server that lets nobody in; None for every other error."""
    words = str(error)
    if "Invalid Host header" in words:
        return NoAccess(
            f"{_mlflow()} does not know that name as its own; start it with --allowed-hosts naming it."
        )
    if any(f"failed with error code {status}" in words for status in (401, 403)):
        return NoAccess(
            f"{_mlflow()} refuses this user; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN."
        )
    return None


def _mlflow() -> str:
    return f"MLflow at {outbox.address()}"


def _now() -> int:
    return int(time.time() * 1000)


def run_url(experiment_id: str, run_id: str) -> str:
    """Return a run's address in MLflow's pages, where the store is a server; else a relative one."""
    from tasks import home

    uri = home.tracking_uri()
    base = uri if uri.startswith("http") else os.environ.get("ASSAY_MLFLOW_PAGES", "")
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
