"""The shard flow: predict some of the chunks of an evaluation that another run scores and tracks."""

from __future__ import annotations

from prefect import flow

from flows import admission
from flows.evaluation import predict_rows, prepared
from flows.pages.forms import form
from flows.pages.states import in_one_sentence
from flows.queue.recovery import check_starts
from tasks import configs
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings, TaskTypeName


@flow(name="shard", validate_parameters=False)
@in_one_sentence
def shard(
    task: TaskTypeName,
    dataset: Dataset,
    models: list[Model],
    columns: dict[str, str] | None = None,
    metrics: list[Metric] | None = None,
    settings: Settings | None = None,
) -> int:
    """Predict what is left of an evaluation beside whoever else does, and return how many rows that were.

    Args:
        task: As in the evaluation.
        dataset: As in the evaluation.
        models: As in the evaluation.
        columns: As in the evaluation.
        metrics: As in the evaluation.
        settings: As in the evaluation.
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
    plan, found = prepared(configs.parse(given))
    with admission.allowed():
        stored = [predict_rows(plan, candidate) for candidate in found]
    return sum(each.tally.rows - each.tally.reused for each in stored)


shard.parameters = form(Evaluation)
