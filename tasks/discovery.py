"""Discovery: which models fit a dataset, and which datasets fit a model, by what the Hub knows of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tasks import hub
from tasks.errors import BadEvaluation, OutOfReach
from tasks.publish.results import Result, finished, of_run
from tasks.tracking.mlflow_store import TAG

if TYPE_CHECKING:
    from huggingface_hub import DatasetLeaderboardEntry


@dataclass(frozen=True)
class Found:
    """A model or dataset that fits.

    Attributes:
        name: Its Hub id.
        downloads: Of the last month.
        why: What speaks for it, in a few words each.
        task: The model's task type; None where it is not known.
    """

    name: str
    downloads: int
    why: tuple[str, ...]
    task: str | None = None


def _ask(what: str, asked: Any) -> list[Any]:
    """Return what the Hub lists.

    Raises:
        OutOfReach: It does not answer, or may not be asked.
    """
    from huggingface_hub import constants, errors

    if constants.is_offline_mode():
        raise OutOfReach(f"Finding {what} needs the Hub, and HF_HUB_OFFLINE says not to ask it.")
    hub.be_patient()
    try:
        return list(asked())
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "nothing"
        raise OutOfReach(f"The Hub could not be asked for {what}: it answered {status}.") from error
    # The client re-exports its base of transport errors without saying so.
    except (errors.HTTPError, ConnectionError) as error:  # type: ignore[attr-defined]
        raise OutOfReach(f"The Hub could not be asked for {what}: it is out of reach.") from error


def _models(why: str, limit: int, **asked: Any) -> list[Found]:
    from huggingface_hub import HfApi

    fields: list[Any] = ["downloads", "tags", "pipeline_tag"]
    listed = _ask(
        "models", lambda: HfApi().list_models(sort="downloads", limit=limit, expand=fields, **asked)
    )
    return [Found(each.id, each.downloads or 0, (why,), each.pipeline_tag) for each in listed]


def leaderboard(dataset: str, notes: list[str]) -> list[DatasetLeaderboardEntry]:
    """Return a dataset's leaderboard on the Hub, empty where it has none; what went wrong is noted."""
    from huggingface_hub import HfApi

    try:
        return _ask(f"the leaderboard of '{dataset}'", lambda: HfApi().get_dataset_leaderboard(dataset))
    except OutOfReach as error:
        notes.append(str(error))
        return []


def declaring(dataset: str, limit: int, notes: list[str]) -> list[Found]:
    """Return models that declare a dataset, or report scores on it; what went wrong is noted."""
    try:
        tagged = _models("declares the dataset", limit, filter=f"dataset:{dataset}")
    except OutOfReach as error:
        notes.append(str(error))
        return []
    ranked = [
        Found(each.model_id, 0, (f"rank {each.rank} on the dataset's leaderboard",))
        for each in leaderboard(dataset, [])
    ]
    return together([*tagged, *ranked])


def together(found: Iterable[Found]) -> list[Found]:
    """Return each name once, with all that speaks for it, most downloaded first.

    >>> [each.why for each in together([Found("a/b", 5, ("x",)), Found("a/b", 5, ("y",))])]
    [('x', 'y')]
    """
    merged: dict[str, Found] = {}
    for each in found:
        before = merged.get(each.name)
        merged[each.name] = (
            each
            if before is None
            else replace(
                before,
                downloads=max(before.downloads, each.downloads),
                why=(*before.why, *each.why),
                task=before.task or each.task,
            )
        )
    return sorted(merged.values(), key=lambda each: (-each.downloads, each.name))


def models_for(
    dataset: str, task: str | None, *, split: str | None, metrics: Sequence[str], limit: int
) -> tuple[list[Found], list[str]]:
    """Return models to evaluate on a dataset, most downloaded first, and what to know of the list.

    Args:
        dataset: The dataset's Hub id.
        task: The task type, where it is known.
        split: The split that is to be judged on; None for any.
        metrics: The metrics that are to judge; empty for any.
        limit: How many at most.

    Raises:
        OutOfReach: The Hub does not answer.
    """
    notes: list[str] = []
    found = declaring(dataset, limit, notes)
    if task:
        found += _models("same task type", limit, pipeline_tag=task)
    done = {result.model for result in _measured("dataset_place", dataset) if covers(result, split, metrics)}
    fitting = [
        each
        for each in together(found)
        if each.name not in done and (task is None or each.task in {task, None})
    ]
    if done:
        notes.append(f"Left out, because evaluated already: {', '.join(sorted(done))}.")
    return fitting[:limit], notes


def covers(result: Result, split: str | None, metrics: Sequence[str]) -> bool:
    """Tell whether a result is of a split and by all of some metrics."""
    by = {str(each["name"]) for each in result.metrics}
    return (split is None or result.split == split) and set(metrics) <= by


def _measured(tag: str, value: str) -> list[Result]:
    quoted = value.replace("'", "''")
    return [of_run(run) for run in finished(f"tags.`{TAG}.{tag}` = '{quoted}'")]


def datasets_for(model: str, *, limit: int) -> tuple[list[Found], list[str]]:
    """Return datasets to evaluate a model on, and what to know of the list.

    Raises:
        UserError: There is no such model, or the Hub does not answer.
    """
    from huggingface_hub import HfApi

    hub.model_commit(model, None)
    (info,) = _ask("datasets", lambda: [HfApi().model_info(model)])
    tagged = [each.removeprefix("dataset:") for each in info.tags or [] if each.startswith("dataset:")]
    reported: list[str] = []
    for entry in getattr(info.card_data, "eval_results", None) or []:
        reported.append(entry.dataset_type)
    found = [Found(each, 0, ("the model declares it",)) for each in tagged]
    found += [Found(each, 0, ("the model reports scores on it",)) for each in dict.fromkeys(reported)]
    if not info.pipeline_tag and not found:
        raise BadEvaluation(f"The card of the model '{model}' names neither a task type nor a dataset.")
    if info.pipeline_tag:
        listed = _ask(
            "datasets",
            lambda: HfApi().list_datasets(
                filter=f"task_categories:{info.pipeline_tag}", sort="downloads", limit=limit
            ),
        )
        found += [
            Found(each.id, each.downloads or 0, (f"for {info.pipeline_tag}",), info.pipeline_tag)
            for each in listed
        ]
    done = {result.dataset for result in _measured("model_place", model)}
    merged = together(found)
    # What the model names itself comes before what only fits its task type.
    merged.sort(key=lambda each: all(why.startswith("for ") for why in each.why))
    notes = [f"Left out, because evaluated already: {', '.join(sorted(done))}."] if done else []
    return [each for each in merged if each.name not in done][:limit], notes
