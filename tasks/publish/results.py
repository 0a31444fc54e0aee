"""Results: what is published of a finished run, read back from MLflow."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import BadEvaluation, NotFound
from tasks.tracking.mlflow_store import TAG, client

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.entities import Run

DIGITS = 6
"""Decimals that are published."""


@dataclass(frozen=True)
class Value:
    """One score as it is published: rounded, with its interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Result:
    """One model on one dataset, as MLflow keeps it.

    Attributes:
        run_id: The MLflow run.
        model: The model's Hub id.
        model_commit: The commit that was evaluated.
        model_on_hub: Whether it is a model of the Hub: no local folder, no endpoint.
        task: The task type.
        dataset: The dataset's Hub id, or a local one's name.
        dataset_on_hub: Whether it is a dataset of the Hub.
        config: Its configuration, None for the only or default one.
        split: The split.
        revision: Its commit.
        limit: How many rows were sampled, None for all.
        filters: Which rows were taken, by dataset column.
        rows: How many rows were judged.
        failed: How many could not be predicted.
        scores: By score key, the headline first.
        metrics: The metrics with their arguments.
        columns: Canonical column -> dataset column.
        level: Confidence level of the intervals.
        settings: Every parameter of the run, by name, as MLflow keeps them.
        predictions: SHA-256 of the stored predictions; empty where none are stored.
        hidden: Whether the right answers of all rows are hidden.
        finished: When the run ended, in UTC, to the second.
    """

    run_id: str
    model: str
    model_commit: str
    model_on_hub: bool
    task: str
    dataset: str
    dataset_on_hub: bool
    config: str | None
    split: str
    revision: str
    limit: int | None
    rows: int
    failed: int
    scores: Mapping[str, Value]
    metrics: tuple[Mapping[str, Any], ...]
    columns: Mapping[str, str]
    level: float
    settings: Mapping[str, str] = field(repr=False, default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    predictions: str = ""
    hidden: bool = False
    finished: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def headline(self) -> str:
        """The key of the first score."""
        return next(iter(self.scores))

    @property
    def dataset_title(self) -> str:
        """The dataset's id with its configuration."""
        return f"{self.dataset} ({self.config})" if self.config else self.dataset


def read(run_id: str) -> Result:
    """Return what is published of a finished run.

    Raises:
        NotFound: There is no such run.
        BadEvaluation: It is not finished, or is no run of one model.
    """
    from mlflow.exceptions import MlflowException

    store = client()
    try:
        run = store.get_run(run_id)
    except MlflowException as error:
        raise NotFound(f"There is no MLflow run '{run_id}'.") from error
    if run.data.tags.get(f"{TAG}.kind") != "run":
        raise BadEvaluation(f"The MLflow run '{run_id}' is no run of one model on one dataset.")
    if run.info.status != "FINISHED":
        raise BadEvaluation(f"The MLflow run '{run_id}' is {run.info.status.lower()}, not finished.")
    return of_run(run, *_predictions(run_id))


def finished(wanted: str = "", most: int = 5000) -> list[Run]:
    """Return finished runs of one model, the latest first.

    Args:
        wanted: A further condition, in MLflow's language.
        most: How many at most.
    """
    store = client()
    condition = f"tags.`{TAG}.kind` = 'run' and attributes.status = 'FINISHED'"
    experiments = [each.experiment_id for each in store.search_experiments()]
    found = store.search_runs(
        experiments,
        f"{condition} and {wanted}" if wanted else condition,
        max_results=most,
        order_by=["attributes.start_time DESC"],
    )
    return list(found)


def of_run(run: Run, predictions: str = "", hidden: bool = False) -> Result:
    """Make a result of what MLflow has of a run; the digest of its predictions is read apart."""
    tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
    stated = json.loads(tags.get(f"{TAG}.scores", "[]"))
    keys = [key for key in stated if key in metrics] or [key for key in metrics if "/" not in key]
    headline = tags.get(f"{TAG}.headline", "")
    scores = {
        key: Value(
            round(metrics[key], DIGITS),
            *(_rounded(metrics.get(f"interval/{key}_{end}")) for end in ("low", "high")),
        )
        for key in sorted(keys, key=lambda key: key != headline)
    }
    place = tags.get(f"{TAG}.dataset_place", "")
    model_place = tags.get(f"{TAG}.model_place", "")
    config = params.get("dataset_config") or None
    name = tags.get(f"{TAG}.dataset", "")
    public = on_hub(place, params.get("dataset_revision", ""))
    ended = run.info.end_time or run.info.start_time
    return Result(
        run_id=run.info.run_id,
        model=model_place if on_hub(model_place, tags.get(f"{TAG}.model_commit", "")) else params["model"],
        model_commit=tags.get(f"{TAG}.model_commit", ""),
        model_on_hub=on_hub(model_place, tags.get(f"{TAG}.model_commit", "")),
        task=params["task"],
        dataset=place if public else name.removesuffix(f"/{config}"),
        dataset_on_hub=public,
        config=None if config == "default" else config,
        split=params["dataset_split"],
        revision=params["dataset_revision"],
        limit=int(params["dataset_limit"]) if params.get("dataset_limit") else None,
        rows=int(metrics.get("rows/judged", 0)),
        failed=int(metrics.get("rows/failed", 0)),
        scores=scores,
        metrics=tuple(json.loads(params.get("metrics", "[]"))),
        columns=json.loads(params.get("columns", "{}")),
        level=float(params.get("level", "0.95")),
        settings=dict(params),
        filters=json.loads(params.get("dataset_filters", "{}")),
        predictions=predictions,
        hidden=hidden,
        finished=datetime.fromtimestamp(ended // 1000, UTC),
    )


def on_hub(place: str, commit: str) -> bool:
    """Tell a repository of the Hub, whose commit is git's, from a folder, whose digest is a SHA-256."""
    return len(commit) == 40 and not place.startswith(("/", "http"))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _predictions(run_id: str) -> tuple[str, bool]:
    """Return the digest of a run's stored predictions, and whether the right answers are hidden."""
    import pyarrow.parquet as pq
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(client().download_artifacts(run_id, "predictions.parquet", folder))
        except (MlflowException, OSError):
            return "", False
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return digest, hidden(pq.read_table(path))


def hidden(table: pa.Table) -> bool:
    """Tell whether some column of right answers is hidden in all rows: missing, or -1.

    >>> import pyarrow as pa
    >>> hidden(pa.table({"reference_label": ["-1", "-1"]}))
    True
    >>> hidden(pa.table({"reference_label": ["0", "-1"]}))
    False
    """
    return any(
        set(map(str, table[name].unique().to_pylist())) <= {"None", "-1", "-1.0"}
        for name in table.column_names
        if name.startswith("reference_") and table.num_rows and not _nested(table[name].type)
    )


def _nested(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))
