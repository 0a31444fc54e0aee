"""The ledger: every finished run of a model, read from MLflow in a few queries however many there are.

MLflow's search gives each run as an object with everything on it, at four milliseconds a run. Where the store
is a database that this process can open, its tables are read as they are, in less than a quarter of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tasks import home
from tasks.tracking.mlflow_store import TAG, client

PAGE = 1000
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


@dataclass(frozen=True)
class Entry:
    """One run as MLflow keeps it."""

    run_id: str
    experiment_id: str
    started: int
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def tag(self, name: str) -> str:
        """Return one of Assay's own tags; empty where there is none."""
        return self.tags.get(f"{TAG}.{name}", "")


def entries(wanted: Mapping[str, str] | None = None, most: int | None = None) -> list[Entry]:
    """Return the finished run of every model of every evaluation, the latest first.

    Args:
        wanted: Only runs with these tags of Assay's, as {"dataset": "digits"}.
        most: Only so many of them.
    """
    uri = home.tracking_uri()
    tags = {f"{TAG}.{name}": value for name, value in {"kind": "run", **(wanted or {})}.items()}
    if uri.partition(":")[0].partition("+")[0] in DATABASES:
        return _of_database(uri, tags, most)
    return sorted(islice(_of_server(tags, most), most), key=lambda entry: -entry.started)


def _of_database(uri: str, wanted_tags: Mapping[str, str], most: int | None) -> list[Entry]:
    import sqlalchemy as sql

    address = sql.make_url(uri)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return []
    names = {
        "runs": ("run_uuid", "experiment_id", "start_time", "status", "lifecycle_stage"),
        "experiments": ("experiment_id", "lifecycle_stage"),
        "tags": ("run_uuid", "key", "value"),
        "params": ("run_uuid", "key", "value"),
        "latest_metrics": ("run_uuid", "key", "value", "is_nan"),
    }
    tables = {name: sql.table(name, *map(sql.column, columns)) for name, columns in names.items()}
    runs, experiments = tables["runs"], tables["experiments"]
    wanted = (
        sql.select(runs.c.run_uuid, runs.c.experiment_id, runs.c.start_time)
        .join_from(runs, experiments, experiments.c.experiment_id == runs.c.experiment_id)
        .where(
            runs.c.status == "FINISHED",
            runs.c.lifecycle_stage == "active",
            experiments.c.lifecycle_stage == "active",
        )
    )
    for number, (key, value) in enumerate(wanted_tags.items()):
        tag = tables["tags"].alias(f"tag_{number}")
        wanted = wanted.join(
            tag, sql.and_(tag.c.run_uuid == runs.c.run_uuid, tag.c.key == key, tag.c.value == value)
        )
    wanted = wanted.order_by(runs.c.start_time.desc()).limit(most)
    engine = sql.create_engine(address, poolclass=sql.NullPool)
    chosen = wanted.subquery()
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    with engine.connect() as connection:
        if not sql.inspect(connection).has_table("runs"):
            return []
        heads = [
            (str(run), str(experiment), int(began or 0))
            for run, experiment, began in connection.execute(wanted)
        ]
        found = {run: ({}, {}, {}) for run, _, _ in heads}
        for place, name in enumerate(("tags", "params", "latest_metrics")):
            table = tables[name]
            query = sql.select(table.c.run_uuid, table.c.key, table.c.value).join_from(
                table, chosen, chosen.c.run_uuid == table.c.run_uuid
            )
            if name == "latest_metrics":
                query = query.where(table.c.is_nan.is_(False))
            for run, key, value in connection.execute(query):
                if run in found:
                    found[run][place][key] = value
    engine.dispose()
    return [Entry(*head, *found[head[0]]) for head in heads]


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _of_server(wanted_tags: Mapping[str, str], most: int | None) -> Iterator[Entry]:
    store = client()
    experiments = [each.experiment_id for each in store.search_experiments()]
    conditions = [f"tags.`{key}` = '{_quoted(value)}'" for key, value in wanted_tags.items()]
    token = None
    while True:
        page = store.search_runs(
            experiments,
            " and ".join([*conditions, "attributes.status = 'FINISHED'"]),
            max_results=min(most or PAGE, PAGE),
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        for run in page:
            info, data = run.info, run.data
            yield Entry(
                info.run_id,
                str(info.experiment_id),
                int(info.start_time or 0),
                data.tags,
                data.params,
                data.metrics,
            )
        token = page.token
        if not token:
            return
