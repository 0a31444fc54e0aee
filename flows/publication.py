"""The publish flow: read finished runs back -> one pull request a model."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows import admission
from tasks.errors import AssayError
from tasks.publish import results as runs
from tasks.publish.pull_requests import Publication
from tasks.publish.pull_requests import publish as offer
from tasks.tracking import finished


class PublicationFailed(AssayError):
    """Results of some models could not be published; those of the others are."""


@task(name="find runs", task_run_name="find runs", cache_policy=NO_CACHE)
def find_runs(run_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the runs of each model, the runs of an evaluation in the place of its own."""
    found: dict[str, list[str]] = {}
    for each in finished.find(run_ids):
        found.setdefault(runs.read(each.run_id).model, []).append(each.run_id)
    return found


@task(name="publish", task_run_name="publish {model}", cache_policy=NO_CACHE)
def publish_model(model: str, run_ids: Sequence[str], dry_run: bool, force: bool) -> Publication:
    """Offer a model's results to its repository."""
    made = offer(model, [runs.read(run_id) for run_id in run_ids], dry_run=dry_run, force=force)
    get_run_logger().info(f"{model}: {made.status}{f', {made.url}' if made.url else ''}")
    for note in made.notes:
        get_run_logger().info(note)
    return made


@flow(name="publish")
def publish(runs: list[str], dry_run: bool = False, force: bool = False) -> list[Publication]:
    """Publish the results of finished runs to the Hub, one pull request a model.

    Args:
        runs: MLflow runs by id, its beginning, or name; an evaluation's run stands for its models'.
        dry_run: Write nothing, and show what would change.
        force: Publish results of private or local datasets and of hidden answers all the same.
    """
    admission.admit_publication()
    made: list[Publication] = []
    failures: dict[str, Exception] = {}
    for model, run_ids in find_runs(runs).items():
        try:
            made.append(publish_model(model, run_ids, dry_run, force))
        except Exception as error:
            failures[model] = error
    if made:
        create_markdown_artifact(markdown(made), key="publication", description="Results on the Hub")
    if failures and not made:
        raise next(iter(failures.values()))
    if failures:
        raise PublicationFailed(" ".join(f"'{model}': {error}" for model, error in failures.items()))
    return made


def markdown(made: Sequence[Publication]) -> str:
    """Write what became of each model's results."""
    lines = ["| model | pull request | |", "|---|---|---|"]
    lines += [f"| {each.model} | {each.url or '–'} | {each.status} |" for each in made]
    return "\n".join(lines)
