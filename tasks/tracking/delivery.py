"""Delivery: a record from this disk into MLflow, any number of times, with the same outcome as once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.tracking import records, views
from tasks.tracking.mlflow_store import KEY, MODELS, TAG, experiment, this_process
from tasks.tracking.records import ModelRecord, Record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, LoggedModel, Run

E = TypeVar("E")
MOST_METRICS = 1000
MOST_NAMES = 100
"""Metrics, and params or tags, that MLflow takes in one call."""
KNOWN_BY = f"{TAG}.known_by"
_NOT_IN_MODEL_NAMES = str.maketrans(dict.fromkeys("/:.%\"'", "-"))


def find(store: MlflowClient, experiment_id: str, key: str) -> Run | None:
    """Return the run of a key; of several, which two machines may have made at once, the first."""
    found = store.search_runs(
        [experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1, order_by=["attributes.start_time ASC"]
    )
    return found[0] if found else None


def deliver(store: MlflowClient, folder: Path, parent_run: str | None = None) -> str:
    """Send a record, and what its run is to be told afterwards; return the run's id.

    Args:
        store: MLflow's client.
        folder: The record's.
        parent_run: The run that its run stands below.

    Raises:
        FileNotFoundError: There is no record.
    """
    record = records.take(folder)
    if record is None:
        raise FileNotFoundError(folder / records.CONTENT)
    experiment_id = experiment(store, record.experiment)
    run = find(store, experiment_id, record.key)
    if run is None:
        tags = {**record.tags, KEY: record.key, f"{TAG}.process": this_process()}
        if parent_run is not None:
            tags["mlflow.parentRunId"] = parent_run
        run = store.create_run(
            experiment_id, start_time=record.started, tags=_cut(tags), run_name=record.name[:5000]
        )
    run_id = str(run.info.run_id)
    whole = record.ended is not None
    if not (whole and run.info.status == "FINISHED"):
        _fill(store, run, record, folder / records.ARTIFACTS)
        if whole:
            store.set_terminated(run_id, status="FINISHED", end_time=record.ended)
    _tell(store, run_id, experiment_id, folder)
    records.write(folder, records.SENT, {"run_id": run_id, "experiment_id": experiment_id})
    shutil.rmtree(folder / records.ARTIFACTS, ignore_errors=True)
    return run_id


def _fill(store: MlflowClient, run: Run, record: Record, artifacts: Path) -> None:
    """Write all a record holds into its run; what is there already stays as it is."""
    from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param

    run_id = str(run.info.run_id)
    if run.info.status != "RUNNING":
        store.update_run(run_id, status="RUNNING")
    if run.data.tags.get(f"{TAG}.process") != this_process():
        store.set_tag(run_id, f"{TAG}.process", this_process())
    dataset = _dataset(record)
    if dataset is not None and record.dataset is not None:
        tags = [InputTag("mlflow.data.context", "evaluation"), InputTag("split", record.dataset.split)]
        store.log_inputs(run_id, [DatasetInput(dataset, tags)])
    model_id = logged_model(store, record.model, run_id) if record.model is not None else None
    tied = (model_id, dataset.name if dataset else None, dataset.digest if dataset else None)
    scores = set(record.scores)
    metrics = [
        Metric(key, value, record.started, 0, *(tied if key in scores else ()))
        for key, value in record.metrics.items()
    ]
    for some in _batches(metrics, MOST_METRICS):
        store.log_batch(run_id, metrics=some)
    for params in _batches([Param(name, value) for name, value in record.params.items()], MOST_NAMES):
        store.log_batch(run_id, params=params)
    outputs = run.outputs.model_outputs if run.outputs else []
    if model_id is not None and model_id not in {each.model_id for each in outputs}:
        store.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    if artifacts.is_dir():
        store.log_artifacts(run_id, str(artifacts))


def _tell(store: MlflowClient, run_id: str, experiment_id: str, folder: Path) -> None:
    from mlflow.entities import RunTag

    told = records.after(folder)
    tags = [RunTag(name, value) for name, value in _cut(told.tags).items()]
    for some in _batches(tags, MOST_NAMES):
        store.log_batch(run_id, tags=some)
    for task, view in told.views.items():
        views.share(store, experiment_id, task, view)
    if told.status is not None:
        store.set_terminated(run_id, status=told.status)


def _batches(every: Sequence[E], most: int) -> Iterator[Sequence[E]]:
    for start in range(0, len(every), most):
        yield every[start : start + most]


def _cut(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return tags as long as MLflow's databases hold them."""
    return {name: value[:8000] for name, value in tags.items()}


def _dataset(record: Record) -> Dataset | None:
    from mlflow.entities import Dataset

    if record.dataset is None:
        return None
    given = record.dataset
    return Dataset(given.name, given.digest, given.source_type, given.source, profile=given.profile)


def logged_model(store: MlflowClient, model: ModelRecord, run_id: str) -> str:
    """Return the external logged model of a checkpoint in the models' own experiment, made when new."""
    home = experiment(store, MODELS)
    found = store.search_logged_models(
        [home],
        filter_string=f"tags.`{KNOWN_BY}` = '{model.known_by}'",
        max_results=1,
        order_by=[{"field_name": "creation_timestamp"}],
    )
    if found:
        made = found[0]
    else:
        made = store.create_logged_model(
            home,
            name=model.name.translate(_NOT_IN_MODEL_NAMES),
            source_run_id=run_id,
            tags={**model.tags, KNOWN_BY: model.known_by, "mlflow.model.isExternal": "true"},
            params=dict(model.params),
            model_type=model.kind,
        )
    if str(made.status) != "READY":
        _finish(store, made)
    return str(made.model_id)


def _finish(store: MlflowClient, model: LoggedModel) -> None:
    """Give an external model the file by which it can be registered, and call it ready."""
    from mlflow.entities import LoggedModelStatus
    from mlflow.models.utils import get_external_mlflow_model_spec

    with tempfile.TemporaryDirectory() as folder:
        get_external_mlflow_model_spec(model).save(str(Path(folder) / "MLmodel"))
        store.log_model_artifacts(model.model_id, folder)
    store.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def digest(*parts: object) -> str:
    """Return a short digest of what JSON can hold; the order of keys does not matter.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    import hashlib

    written = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:32]
