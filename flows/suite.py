"""The suite flow: prepare every evaluation -> predict, model by model -> evaluate -> one scoreboard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows import admission
from flows.evaluation import ModelsFailed, evaluate, origin, predict_rows, prepared
from flows.events import announcements
from flows.membership import Membership, membership
from flows.pages.forms import form
from flows.pages.states import in_one_sentence
from flows.queue import slots, tenure
from flows.queue.recovery import check_starts
from tasks import suites
from tasks.board import scoreboard, suite_run
from tasks.board.scoreboard import Column, Scoreboard
from tasks.board.suite_run import SuiteRun
from tasks.candidates import Candidate
from tasks.errors import AssayError, UserError
from tasks.inference import holding
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.spec import Model, Settings
from tasks.suites import Entry, Part, Suite


class SuiteFailed(AssayError):
    """Some evaluations of a suite failed; the others are scored and tracked.

    Attributes:
        board: The scoreboard of what there is.
    """

    def __init__(self, message: str, board: Scoreboard) -> None:
        super().__init__(message)
        self.board = board


@task(name="prepare", task_run_name="prepare {part.label}", cache_policy=NO_CACHE)
def prepare(part: Part) -> tuple[Plan, list[Candidate]]:
    """Find an evaluation's rows and pin its models, before any is loaded."""
    return prepared(part.evaluation)


@flow(
    name="suite",
    flow_run_name="suite · {name}",
    on_completion=[announcements.suite_ended],
    on_failure=[announcements.suite_ended],
)
@in_one_sentence
def suite(
    name: str,
    evaluations: list[Entry],
    models: list[Model] | None = None,
    settings: Settings | None = None,
) -> Scoreboard:
    """Run several evaluations, load each model once, and compare them in one table.

    Args:
        name: What the suite is called, in MLflow too.
        evaluations: The evaluations: configs by name, configs with changes, or whole ones.
        models: Models for every evaluation that names none itself.
        settings: Settings for every evaluation.
    """
    asked = Suite(name=name, evaluations=evaluations, models=models or [], settings=settings)
    check_starts()
    admission.admit_suite(asked)
    parts = suites.parts(asked)
    with admission.allowed(len(parts)), _tracked(asked) as run, holding.held() as holder:
        failures, ready = _prepared(parts)
        predictions = _predicted(ready, holder)
        member = Membership(run.tags, predictions)
        columns = [_evaluated(part, member, failures.get(part.label)) for part in parts]
        board = Scoreboard(name, columns, run.run_id, holder.loads)
        tenure.confirm()
        suite_run.describe(run, board)
        create_markdown_artifact(scoreboard.markdown(board), key="scoreboard", description="Scoreboard")
        if run.url.startswith("http"):
            create_link_artifact(run.url, link_text="The suite in MLflow", key="mlflow-suite")
        if board.failures:
            words = " ".join(f"'{label}' failed: {why}" for label, why in board.failures.items())
            raise SuiteFailed(words, board)
    return board


suite.parameters = form(Suite)


def _prepared(
    parts: Sequence[Part],
) -> tuple[dict[str, Exception], list[tuple[Plan, Candidate]]]:
    """Prepare every evaluation before any model loads; one that cannot run does not stop the others."""
    failures: dict[str, Exception] = {}
    ready: list[tuple[Plan, Candidate]] = []
    for part in parts:
        try:
            plan, candidates = prepare(part)
        except Exception as error:
            failures[part.label] = error
        else:
            ready += [(plan, candidate) for candidate in candidates]
    return failures, ready


def _predicted(
    ready: Sequence[tuple[Plan, Candidate]], holder: holding.Holder
) -> dict[str, PredictionsReference | Exception]:
    """Predict model by model, so that each is loaded once, whatever the order of the evaluations."""
    predictions: dict[str, PredictionsReference | Exception] = {}
    for work in by_model(ready):
        # Its device stays its own from its first dataset to its last: it is on it in between.
        with slots.kept():
            for plan, candidate in work:
                if candidate.key not in predictions:
                    predictions[candidate.key] = _attempted(plan, candidate)
            holder.release()
    return predictions


def _attempted(plan: Plan, candidate: Candidate) -> PredictionsReference | Exception:
    try:
        return predict_rows(plan, candidate)
    except Exception as error:
        get_run_logger().error(f"{candidate.title}: {error}")
        return error


def by_model(ready: Sequence[tuple[Plan, Candidate]]) -> list[list[tuple[Plan, Candidate]]]:
    """Gather what one loaded model can do, models in order of appearance."""
    groups: dict[object, list[tuple[Plan, Candidate]]] = {}
    for plan, candidate in ready:
        checkpoint, options = candidate.checkpoint, candidate.options
        same = (checkpoint.place, checkpoint.commit, checkpoint.name)
        # One checkpoint can be loaded as different things: its task types go one after the other.
        loaded = (*same, options.engine, options.device, options.dtype, plan.kind.name)
        groups.setdefault(loaded, []).append((plan, candidate))
    return list(groups.values())


def _evaluated(part: Part, member: Membership, failure: Exception | None) -> Column:
    """Run one evaluation on the predictions that are there; what goes wrong is noted in its column."""
    if failure is not None:
        return Column(part.label, failure=str(failure), mistake=isinstance(failure, UserError))
    token = membership.set(member)
    try:
        given = {key: getattr(part.evaluation, key) for key in type(part.evaluation).model_fields}
        return Column(part.label, evaluate(**given))
    except ModelsFailed as error:
        return Column(part.label, error.reports, str(error))
    except Exception as error:
        return Column(part.label, failure=str(error), mistake=isinstance(error, UserError))
    finally:
        membership.reset(token)


@contextmanager
def _tracked(asked: Suite) -> Iterator[SuiteRun]:
    """Hold the suite's run open around the work, and close it by how the work ended."""
    tenure.confirm()
    run = suite_run.begin(asked, origin())
    try:
        yield run
    except Exception:
        suite_run.end(run, "FAILED")
        raise
    except BaseException:
        suite_run.end(run, "KILLED")
        raise
    suite_run.end(run, "FINISHED")


def parameters(asked: Suite) -> dict[str, Any]:
    """Return the flow's parameters for a suite read from a file."""
    return {key: getattr(asked, key) for key in type(asked).model_fields}
