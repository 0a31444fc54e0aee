"""The ledger: every finished run of a model, read from MLflow in a few queries however many there are.

MLflow's client gives each run as an object with everything on it, at four milliseconds a run and more over
HTTP. Where the store is a database that this process can open, its tables are read as they are; of a server,
its JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

from tasks import home
from tasks.tracking.mlflow_store import TAG, client

PAGE = 500
"""Runs asked for at a time of a server: fewer, and it looks the same things up more often."""
ASKING = 4
"""Connections to a server; it has as many workers unless told."""
SEARCH = "/api/2.0/mlflow/runs/search"
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
    return sorted(_of_server(uri, tags, most), key=lambda entry: -entry.started)[:most]


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


def _of_server(uri: str, wanted_tags: Mapping[str, str], most: int | None) -> list[Entry]:
    """Read runs over HTTP, some experiments on each of a few connections, which a server's workers share."""
    names = _experiments()
    conditions = [f"tags.`{key}` = '{_quoted(value)}'" for key, value in wanted_tags.items()]
    words = " and ".join([*conditions, "attributes.status = 'FINISHED'"])
    groups = [group for start in range(ASKING) if (group := names[start::ASKING])]

    def read(group: list[str]) -> list[Entry]:
        return list(islice(_pages(uri, group, words, min(most or PAGE, PAGE)), most))

    with ThreadPoolExecutor(ASKING) as pool:
        return [entry for found in pool.map(read, groups) for entry in found]


def _experiments() -> list[str]:
    store, found, token = client(), [], None
    while True:
        page = store.search_experiments(page_token=token)
        found += [str(each.experiment_id) for each in page]
        token = page.token
        if not token:
            return found


def _pages(uri: str, experiments: Sequence[str], words: str, page: int) -> Iterator[Entry]:
    """Yield the runs of experiments, the latest first, as the server's JSON has them.

    MLflow's client makes a protocol buffer and then objects of every key and value, at 0.9 ms a run against
    0.1 ms for the JSON. What the server does to find a run takes it 6 ms, which only more workers shorten.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    asked = {
        "experiment_ids": experiments,
        "filter": words,
        "max_results": page,
        "order_by": ["attributes.start_time DESC"],
    }
    while True:
        # MLflow has annotated neither.
        login = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
        answer = http_request(login, SEARCH, "POST", json=asked)  # type: ignore[no-untyped-call]
        told = verify_rest_response(answer, SEARCH).json()
        for run in told.get("runs", []):
            info, data = run["info"], run.get("data", {})
            tags, params, metrics = (
                {each["key"]: each.get("value", "") for each in data.get(name, [])}
                for name in ("tags", "params", "metrics")
            )
            numbers = {key: float(value) for key, value in metrics.items()}
            yield Entry(
                info["run_id"],
                str(info["experiment_id"]),
                int(info.get("start_time") or 0),
                tags,
                params,
                {key: value for key, value in numbers.items() if not isnan(value)},
            )
        if not told.get("next_page_token"):
            return
        asked["page_token"] = told["next_page_token"]
