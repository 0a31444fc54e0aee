"""What `assay doctor` asks the servers: Prefect's, MLflow's, PostgreSQL, and what supervises them."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from flows.installation import control, databases, plan, postgres, records
from flows.installation.findings import Check, Finding, note, ok, wrong
from flows.queue.worker import POOL
from flows.serving import protection

TIMEOUT = 30.0
"""Seconds for an answer."""
START = "assay up"


def supervision() -> Iterator[Finding]:
    """Look at the parts of `assay up`."""
    if not records.is_wanted():
        yield note("installation", "none runs on these data", START)
        return
    if not control.is_running():
        yield wrong("installation", "it should run, but nothing sees to it", START)
        return
    parts = control.parts()
    for name, part in parts.items():
        if not part["works"]:
            says = part["problem"] or "does not answer yet"
            yield wrong(name, says, f"read {records.log_of(name)}; it is started again by itself")
    if all(part["works"] for part in parts.values()):
        again = sum(max(0, part["starts"] - 1) for part in parts.values())
        yield ok("installation", f"{len(parts)} parts work; started again {again} times so far")


def ports() -> Iterator[Finding]:
    """Look whether the ports are free that a start would take."""
    if records.is_wanted() or os.environ.get("PREFECT_API_URL"):
        return
    wishes = plan.kept() or plan.Wishes()
    for name, port in (("prefect", wishes.prefect_port), ("mlflow", wishes.mlflow_port)):
        with socket.socket() as probe:
            if probe.connect_ex((protection.LOOPBACK, port)) == 0:
                yield wrong("ports", f"{port} is taken by another program", f"{START} --{name}-port N")


def database() -> Finding:
    """Look whether PostgreSQL answers."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    wishes = plan.kept()
    if wishes is None:
        return note("PostgreSQL", "not used: Prefect and MLflow keep their data in SQLite files")
    if not records.is_wanted() and not wishes.postgres:
        return note("PostgreSQL", f"stopped; its data are in {postgres.folder()}", START)
    url = make_url(databases.addresses(wishes.database())["prefect"]).set(drivername="postgresql+psycopg2")
    if "ssl" in url.query:
        url = url.difference_update_query(["ssl"])
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            version = connection.execute(text("SHOW server_version")).scalar()
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar()
    except Exception as error:
        said = str(getattr(error, "orig", error)).strip().splitlines()[0]
        mend = f"read {records.log_of('postgres')}" if not wishes.postgres else "see to the PostgreSQL server"
        return wrong("PostgreSQL", f"at {url.host}:{url.port}: {said}", mend)
    finally:
        engine.dispose()
    return ok(
        "PostgreSQL", f"{version} at {url.host}:{url.port}, Prefect's database {int(size or 0) / 1e6:.0f} MB"
    )


def prefect() -> Iterator[Finding]:
    """Look at Prefect's server, and at everything that Assay keeps there."""
    import httpx
    from prefect import __version__

    api = os.environ.get("PREFECT_API_URL")
    if not api:
        yield note("Prefect", "no server: evaluations of the command line bring their own", START)
        return
    try:
        served = (
            httpx.get(f"{api}/admin/version", timeout=TIMEOUT, headers=_headers()).raise_for_status().json()
        )
    except (httpx.HTTPError, ValueError) as error:
        yield wrong("Prefect", f"{api} does not answer as it should: {error}", START)
        return
    if served != __version__:
        yield wrong("Prefect", f"the server is {served}, here is {__version__}", "assay down, then assay up")
    else:
        yield ok("Prefect", f"{served} at {api}")
    yield from _kept_by_prefect()


def _headers() -> dict[str, str]:
    from base64 import b64encode

    given = os.environ.get("PREFECT_API_AUTH_STRING")
    return {"Authorization": f"Basic {b64encode(given.encode()).decode()}"} if given else {}


def _kept_by_prefect() -> Iterator[Finding]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.client.schemas.sorting import AutomationSort, FlowRunSort
    from prefect.exceptions import ObjectNotFound

    from flows.queue import deployments, lost_runs

    with get_client(sync_client=True) as client:
        try:
            workers = client.read_workers_for_work_pool(POOL, limit=200, offset=0)
            online = [each.name for each in workers if each.status is WorkerStatus.ONLINE]
        except ObjectNotFound:
            online = []
        if online:
            yield ok("workers", f"{len(online)} online: {', '.join(sorted(online)[:5])}")
        else:
            yield wrong("workers", f"none is online in the pool '{POOL}': runs wait", "assay worker")
        there = deployments.on_server(client)
        wanted = {f"{flow}/{flow}": flow for flow in deployments.FORMS}
        if missing := sorted(set(wanted) - set(there)):
            yield wrong("forms", f"missing: {', '.join(missing)}", "assay deploy")
        elif outdated := [
            name for name, flow in wanted.items() if deployments.is_outdated(flow, there[name], Path.cwd())
        ]:
            yield wrong("forms", f"of another version of Assay: {', '.join(outdated)}", "assay deploy")
        else:
            yield ok("forms", f"{len(wanted)} forms and {len(there) - len(wanted)} schedules are deployed")
        known = {
            each.name
            for each in client.read_automations(limit=200, sort=AutomationSort.NAME_ASC)
            if each.enabled
        }
        if lacking := [each.name for each in lost_runs.automations() if each.name not in known]:
            yield wrong("automations", f"missing or off: {', '.join(lacking)}", "assay deploy")
        else:
            yield ok("automations", "crashed runs go on by themselves")
        late = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": {"name": {"any_": ["Late"]}}}),
            # Its default order is one that the server refuses.
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=200,
        )
        if late:
            names = ", ".join(sorted(each.name for each in late)[:3])
            yield wrong(
                "late runs",
                f"{len(late)} wait for a worker: {names}",
                "assay up --workers N, or assay worker",
            )
        else:
            yield ok("late runs", "none")
        limits = [
            each
            for each in client.read_global_concurrency_limits(limit=200, offset=0)
            if each.name.startswith("device ")
        ]
        taken = [f"{each.name.removeprefix('device ')} {each.active_slots}/{each.limit}" for each in limits]
        yield ok("slots", ", ".join(taken) or "no device counts any")


def mlflow() -> Iterator[Finding]:
    """Look whether MLflow answers, is of this version, and takes artifacts."""
    import httpx
    from mlflow import __version__

    from tasks import home

    uri = home.tracking_uri()
    if not uri.startswith("http"):
        yield ok("MLflow", f"no server: scores go to {uri.removeprefix('sqlite:///')}")
        return
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
    with httpx.Client(timeout=TIMEOUT, auth=(user, password) if user and password else None) as client:
        try:
            client.get(f"{uri}/health").raise_for_status()
            served = client.get(f"{uri}/version").raise_for_status().text.strip()
        except httpx.HTTPError as error:
            yield wrong("MLflow", f"{uri} does not answer as it should: {error}", START)
            return
        if served != __version__:
            yield wrong(
                "MLflow", f"the server is {served}, here is {__version__}", "assay down, then assay up"
            )
        else:
            yield ok("MLflow", f"{served} at {uri}")
        if not (plan.kept() and records.is_wanted()):
            return
        trial = f"{uri}/api/2.0/mlflow-artifacts/artifacts/assay-doctor/{uuid.uuid4().hex}"
        answer = client.put(trial, content=b"assay")
        if answer.is_success:
            client.delete(trial)
            yield ok("artifacts", "are taken")
        else:
            said = " ".join(answer.text.split())[:150]
            yield wrong(
                "artifacts", f"are refused ({answer.status_code}): {said}", f"read {records.log_of('mlflow')}"
            )


def outbox() -> Iterator[Finding]:
    """Look whether results wait on this disk."""
    from tasks.tracking import outbox as box

    here, elsewhere = len(box.left_behind()), box.elsewhere()
    if here:
        yield wrong("outbox", f"results of {here} evaluations wait for MLflow", "assay sync")
    for address, count in elsewhere.items():
        yield wrong(
            "outbox", f"{count} results wait for MLflow at {address}", f"assay sync --moved-from {address}"
        )
    if not here and not elsewhere:
        yield ok("outbox", "nothing waits")


CHECKS: tuple[tuple[str, Check], ...] = (
    ("installation", supervision),
    ("ports", ports),
    ("PostgreSQL", database),
    ("Prefect", prefect),
    ("MLflow", mlflow),
    ("outbox", outbox),
)
"""In the order in which they are shown."""
