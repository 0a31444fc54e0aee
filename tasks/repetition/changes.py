"""Changes: whether anything that matters is otherwise than at the last evaluation.

Nothing is loaded to find out, no model, no dataset, and mostly not even MLflow: the Hub is asked for commits,
and local files are read for their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks import hub, sources, versions
from tasks.errors import NotFound
from tasks.inference import checkpoints
from tasks.inference.chunks import key_of
from tasks.spec import Evaluation, Model
from tasks.tracking import history
from tasks.tracking.history import Entry
from tasks.types import task_type

IMMATERIAL = frozenset(
    {"device", "batch_cost", "chunk_rows", "workers", "on_error", "reuse", "experiment"}
    | {"allow_remote_code", "allow_pickle"}
)
"""Settings that change neither predictions nor scores."""
OF_SCORES = frozenset({"level", "resamples", "intervals", "groups", "test"})
"""Settings that change how scores are found, and no prediction."""
RECENT = 20
"""Runs of a model that are looked through for one that evaluated the same."""
NAMED = {
    "model": "the model",
    "dataset": "the dataset",
    "task type version": "how Assay runs the task type",
    "assay": "Assay",
    "judged by": "the metrics, or how they are judged",
}


@dataclass(frozen=True)
class Looked:
    """What was found of one model of an evaluation.

    Attributes:
        model: What was asked for.
        identity: What is evaluated again and again: this model on these rows, asked in this way.
        state: What matters of it now.
        last: The last evaluation; None where there is none.
        changed: What is otherwise now, as phrases; none where nothing is.
    """

    model: Model
    identity: str
    state: Mapping[str, str]
    last: Entry | None
    changed: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call the model."""
        return Path(self.model.name).name if self.state["model kept"] == "here" else self.model.name


def look(evaluation: Evaluation) -> list[Looked]:
    """Find what is otherwise than when each model of an evaluation was last evaluated.

    Raises:
        UserError: The dataset or a model is not there, or may not be read.
    """
    source = sources.locate(evaluation.dataset.path)
    revision = (
        hub.dataset_commit(source.place, evaluation.dataset.revision)
        if source.kind == "hub"
        else sources.digest(source.place)
    )
    return [_looked(evaluation, model, source, revision) for model in evaluation.models]


def _looked(evaluation: Evaluation, model: Model, source: sources.Source, revision: str) -> Looked:
    settings = evaluation.settings
    commit, kept = "", "elsewhere"
    if model.function is not None:
        commit = model.function.digest()
    elif model.predictions is not None:
        if not Path(model.predictions).expanduser().is_file():
            raise NotFound(f"There is no file of predictions '{model.predictions}'.")
        place = str(Path(model.predictions).expanduser().resolve())
        commit, model = sources.digest(place), model.model_copy(update={"predictions": place})
    elif model.endpoint is None:
        checkpoint = checkpoints.resolve(
            model.name,
            model.revision,
            allow_pickle=settings.allow_pickle,
            allow_remote_code=settings.allow_remote_code,
        )
        commit, kept = checkpoint.commit, "here" if checkpoint.local else "on the Hub"
        if checkpoint.local:
            model = model.model_copy(update={"name": checkpoint.place})
    identity = _identity(evaluation, model, source)
    state = {
        "model": commit,
        "model kept": kept,
        "dataset": revision,
        "task type version": str(task_type(evaluation.task).version),
        "assay": versions.of("assay"),
        "judged by": _judged_by(evaluation),
    }
    last = history.last(identity) or _before_history(evaluation, model, source, identity)
    return Looked(model, identity, state, last, _changed(state, last, reuse=settings.reuse))


def _before_history(
    evaluation: Evaluation, model: Model, source: sources.Source, identity: str
) -> Entry | None:
    """Return the latest run that evaluated the same in the same way, where there is no history yet."""
    from tasks.tracking import finished

    for run in finished.of_model(evaluation.task, model.predictions or model.name, most=RECENT):
        kept = run.record
        (asked,) = kept.evaluation.models
        if kept.evaluation.dataset.path != source.place:
            continue
        if _identity(kept.evaluation, asked, source) == identity:
            state = {
                "model": kept.model["commit"],
                "dataset": str(kept.rows["revision"]),
                "task type version": str(kept.pins["task_type_version"]),
                "assay": kept.made["versions"].get("assay", ""),
                "judged by": _judged_by(kept.evaluation),
            }
            return Entry(-1, run.run_id, 0, state)
    return None


def _identity(evaluation: Evaluation, model: Model, source: sources.Source) -> str:
    """Return a digest of what is evaluated again and again, that of a local folder by its place."""
    asked: dict[str, Any] = {
        "task": evaluation.task,
        "dataset": {**evaluation.dataset.model_dump(mode="json"), "path": source.place},
        "model": model.model_dump(mode="json", exclude={"api_key_env", "price", "concurrency", "timeout"}),
        "columns": evaluation.columns,
        "settings": evaluation.settings.model_dump(mode="json", exclude={*IMMATERIAL, *OF_SCORES}),
    }
    return key_of(asked)


def _judged_by(evaluation: Evaluation) -> str:
    metrics = [each.model_dump(mode="json") for each in evaluation.metrics] or [
        {"name": name, "arguments": dict(arguments)} for name, arguments in task_type(evaluation.task).metrics
    ]
    how = evaluation.settings.model_dump(mode="json", include=set(OF_SCORES))
    return key_of({"metrics": metrics, **how})


def _changed(state: Mapping[str, str], last: Entry | None, *, reuse: bool) -> tuple[str, ...]:
    if last is None:
        return ("it has not been evaluated so before",)
    found = [
        f"{NAMED[name]} ({_short(was)} → {_short(now)})" if name != "judged by" else NAMED[name]
        for name, now in state.items()
        if name in NAMED and (was := last.state.get(name, "")) != now
    ]
    if last.step < 0 and not found:
        found = ["its history begins"]
    return (*found, *([] if reuse else ["predictions are not to be reused"]))


def _short(value: str) -> str:
    return value[:12] or "unknown"
