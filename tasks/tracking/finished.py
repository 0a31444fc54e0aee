"""Recorded: finished runs found in MLflow by id, by the beginning of one, or by name, and read back.

Nothing is predicted: predictions come from the chunk store, or from the run's own artifact where the chunk
store has them no more, and the rows from the dataset, pinned to what it was.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks import home, load
from tasks.columns import map_columns
from tasks.compare import Contender
from tasks.computation import finish
from tasks.errors import BadEvaluation, NotFound, listing, nearest
from tasks.inference.chunks import ChunkStore
from tasks.inference.engine import stored_schema
from tasks.inference.segments import read_all
from tasks.plan import Plan, requests
from tasks.spec import Evaluation
from tasks.tracking import recipe
from tasks.tracking.mlflow_store import TAG, client
from tasks.tracking.recipe import Record
from tasks.types import task_type

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_ID = re.compile(r"[0-9a-f]{32}")
_BEGINNING = re.compile(r"[0-9a-f]{4,31}")
LATEST = 500
"""Runs that are looked through for the nearest name."""


@dataclass(frozen=True)
class Recorded:
    """A finished run of one model, read back.

    Attributes:
        run_id: Its id in MLflow.
        record: What it says of itself.
        when: When it was made, in UTC.
    """

    run_id: str
    record: Record
    when: str


def find(names: Sequence[str]) -> list[Recorded]:
    """Return runs by id, by the beginning of an id, or by name; an evaluation's run stands for its models'.

    Raises:
        NotFound: There is no such finished run.
        BadEvaluation: A name fits several, or a run has no record.
    """
    store = client()
    found: dict[str, Run] = {}
    for name in names:
        for run in _of_models(store, _named(store, name)):
            found.setdefault(run.info.run_id, run)
    return [_read(store, run) for run in found.values()]


def one(name: str) -> Recorded:
    """Return the one run of a name; raises as `find`, and where it stands for several models.

    Raises:
        BadEvaluation: It is the run of an evaluation of several models.
    """
    found = find([name])
    if len(found) > 1:
        raise BadEvaluation(
            f"The run '{name}' is of {len(found)} models; name one of: "
            f"{listing(f'{each.run_id[:8]} ({each.record.title})' for each in found)}."
        )
    return found[0]


def of_model(task: str, place: str, *, most: int) -> Iterator[Recorded]:
    """Yield the finished runs of a model that have a record, by task type and place, the latest first."""
    store = client()
    quoted = place.replace("'", "''")
    wanted = f"tags.`{TAG}.task` = '{task}' and tags.`{TAG}.model_place` = '{quoted}'"
    for run in _search(store, wanted, most):
        if run.data.tags.get(f"{TAG}.kind") == "run":
            with suppress(BadEvaluation):
                yield _read(store, run)


def _named(store: MlflowClient, name: str) -> Run:
    if _ID.fullmatch(name):
        there = _search(store, f"attributes.run_id IN ('{name}')")
    elif _BEGINNING.fullmatch(name) and (there := _search(store, f"attributes.run_id LIKE '{name}%'")):
        pass
    else:
        quoted = name.replace("'", "''")
        there = _search(store, f"attributes.run_name = '{quoted}'")
    fitting = [run for run in there if run.data.tags.get(f"{TAG}.kind") in {"run", "evaluation"}]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadEvaluation(
            f"'{name}' stands for {len(fitting)} runs: {listing(map(_described, fitting), 8)}; "
            "give the beginning of an id."
        )
    latest = [str(run.info.run_name) for run in _search(store, "", LATEST)]
    close = nearest(name, latest)
    hint = f". Did you mean '{close}'?" if close else "."
    raise NotFound(
        f"There is no finished run '{name}' in MLflow; the latest are: "
        f"{listing(dict.fromkeys(latest), 8)}{hint}"
    )


def _search(store: MlflowClient, wanted: str, most: int = 50) -> list[Run]:
    experiments = [each.experiment_id for each in store.search_experiments()]
    finished = "attributes.status = 'FINISHED'"
    found = store.search_runs(
        experiments,
        f"{wanted} and {finished}" if wanted else finished,
        max_results=most,
        order_by=["attributes.start_time DESC"],
    )
    return [run for run in found if run.data.tags.get(f"{TAG}.kind") in {"run", "evaluation"}]


def _of_models(store: MlflowClient, run: Run) -> list[Run]:
    """Return the runs of the models of an evaluation, in the order they were made; a model's run as it is."""
    if run.data.tags.get(f"{TAG}.kind") == "run":
        return [run]
    found = store.search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{run.info.run_id}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time ASC"],
    )
    return [each for each in found if each.data.tags.get(f"{TAG}.kind") == "run"]


def _described(run: Run) -> str:
    tags = run.data.tags
    return f"{run.info.run_id[:8]} ({tags.get(f'{TAG}.dataset')} {tags.get(f'{TAG}.split')}, {_when(run)})"


def _when(run: Run) -> str:
    return datetime.fromtimestamp(run.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _read(store: MlflowClient, run: Run) -> Recorded:
    given = _artifact(store, run.info.run_id, recipe.FILE, lambda path: json.loads(path.read_bytes()))
    if given is None:
        raise BadEvaluation(
            f"The run '{run.info.run_name}' ({run.info.run_id[:8]}) has no record to read it back by: "
            "it was made before runs kept one; evaluate again, which reuses its predictions."
        )
    return Recorded(str(run.info.run_id), recipe.read(given), _when(run))


def _artifact(store: MlflowClient, run_id: str, name: str, read: Any) -> Any:
    """Read one artifact of a run; None where it has none of that name."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            return read(Path(store.download_artifacts(run_id, name, folder)))
        except (MlflowException, OSError):
            return None


def answers(run: Recorded) -> pa.Table:
    """Return a run's predictions, one row a dataset row, from the chunk store or from its artifact.

    Raises:
        NotFound: They are in neither.
    """
    schema = stored_schema(task_type(run.record.evaluation.task).prediction)
    stored = ChunkStore(home.chunk_store(), run.record.predictions, schema)
    try:
        return read_all(stored, run.record.rows["count"])
    except FileNotFoundError:
        pass
    kept = _artifact(client(), run.run_id, "predictions.parquet", pq.read_table)
    if kept is None or not set(schema.names) <= set(kept.column_names):
        raise NotFound(
            f"The predictions of '{run.record.title}' ({run.run_id[:8]}) are neither in the chunk store nor "
            "beside its run."
        )
    return kept.select(schema.names).cast(schema)


def plan(kept: Record, metrics: Iterable[object] | None = None) -> Plan:
    """Return the plan of a record, its rows found again and found to be the same.

    Args:
        kept: What the run says of itself.
        metrics: Metrics to judge by, instead of the run's own.

    Raises:
        NotFound: The dataset is not where it was.
        BadEvaluation: Its rows are not those of the run.
    """
    evaluation = kept.pinned()
    if metrics is not None:
        evaluation = Evaluation.model_validate({**evaluation.model_dump(), "metrics": list(metrics)})
    try:
        rows = load.load(evaluation.dataset, evaluation.settings.seed)
    except NotFound as error:
        raise NotFound(f"{error} If it lies elsewhere now, say where: --dataset PATH.") from error
    if rows.fingerprint != kept.rows["fingerprint"]:
        raise BadEvaluation(
            f"The dataset '{evaluation.dataset.path}' is not what '{kept.title}' was evaluated on: its "
            f"content's digest was {kept.rows['revision'][:12]} and is {rows.revision[:12]}."
            if rows.revision != kept.rows["revision"]
            else f"The rows of '{evaluation.dataset.path}' are drawn otherwise by the libraries installed "
            f"here than by those '{kept.title}' was evaluated with."
        )
    mapping = map_columns(
        task_type(evaluation.task), load.head_rows(rows).features, evaluation.columns, rows.name
    )
    found = Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requests(evaluation))
    if found.rows.streamed:
        finish(found)
    return found


def contender(run: Recorded) -> Contender:
    """Return a run as one that can be compared with others."""
    return Contender(run.record.title, run.record.alignment, answers(run))
