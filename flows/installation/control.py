"""The installation from outside: started, looked at, stopped.

from flows.installation import control
from flows.installation.plan import Wishes

control.start(Wishes(prefect_port=…, mlflow_port=…, workers=2))
control.pids()       # {"supervisor": 1, "sentinel": 2, "postgres": 3, "prefect": 4, "worker-1": 6, …}
control.stop()
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import filelock
import psutil

from flows import environment
from flows.installation import databases, plan, postgres, processes, records, sentinel, supervisor
from flows.installation.plan import Wishes
from flows.serving import protection
from flows.serving.companion import free_port
from tasks.errors import AssayError, BadEvaluation

PATIENCE = 600.0
"""Seconds a start may take before one is told that it does not work; it is tried on all the same."""
LAST_LINES = 5
_started: list[psutil.Popen] = []


class NotStarted(AssayError):
    """A part of the installation does not start."""


def is_running() -> bool:
    """Tell whether the installation runs: it is wanted, and a supervisor or a sentinel sees to it."""
    seen = ("supervisor", "sentinel")
    return records.is_wanted() and (
        sentinel.is_supervised() or any(True for part in seen for _ in processes.of_installation(part))
    )


def prepare(wishes: Wishes, *, watched: bool = True) -> Wishes:
    """See that the installation can be started, and write down what is to run.

    Args:
        wishes: What is asked for.
        watched: Whether the installation itself watches over its supervisor.

    Returns:
        The wishes, with the port of a PostgreSQL of one's own.

    Raises:
        AssayError: It runs already, a port is taken, or PostgreSQL cannot be had.
    """
    if is_running():
        raise BadEvaluation("The installation runs already; `assay doctor` says how it is.")
    if "prefect_api" in (known := environment.running_servers()) and not known.get("supervised"):
        raise BadEvaluation("The servers of `assay ui` run on these data; stop them with `assay ui --stop`.")
    ours = any(True for _ in processes.of_installation())
    for name, port in (("prefect", wishes.prefect_port), ("mlflow", wishes.mlflow_port)):
        if _taken(port, wishes.host) and not ours:
            raise BadEvaluation(f"Port {port} is taken by another program; give another with --{name}-port.")
    protected = wishes.protected()
    if wishes.postgres:
        databases.addresses(wishes.postgres)
    else:
        if wishes.postgres_port is None or (_taken(wishes.postgres_port) and not ours):
            wishes = replace(wishes, postgres_port=free_port())
        records.folder()
        postgres.establish()
        postgres.forget_the_dead()
    wishes.keep()
    # What was done before this start, as bringing tables to a version, may have to be done again.
    (records.folder() / "processes.json").unlink(missing_ok=True)
    records.write_parts(plan.parts(wishes, protected, sentinel=watched))
    known = {**plan.addresses(wishes, protected), "supervised": True, "protected": protected.asked}
    environment.server_file().write_text(json.dumps(known), encoding="utf-8")
    records.want(True)
    return wishes


def start(wishes: Wishes, tell: Callable[[str], None] = lambda part: None) -> Wishes:
    """Start the installation and wait until every part works.

    Args:
        wishes: What is asked for.
        tell: Called with the name of each part once it works.

    Raises:
        AssayError: It runs already, a port is taken, PostgreSQL cannot be had, or a part does not start.
    """
    done = prepare(wishes)
    # Kept, because Python complains of a process that is forgotten while it runs.
    _started.append(processes.spawn(sentinel.SUPERVISOR))
    await_parts(tell)
    return done


def await_parts(tell: Callable[[str], None] = lambda part: None, patience: float = PATIENCE) -> None:
    """Wait until every part works.

    Args:
        tell: Called with the name of each part once it works.
        patience: Seconds.

    Raises:
        NotStarted: One does not, in time or again and again; the message names its log and its last words.
    """
    told: set[str] = set()
    deadline = time.monotonic() + patience
    while True:
        known = parts()
        for name, part in known.items():
            if part["works"] and name not in told:
                told.add(name)
                tell(name)
        if known and all(part["works"] for part in known.values()):
            return
        failing = [name for name, part in known.items() if not part["works"] and part["starts"] >= 4]
        if failing or time.monotonic() > deadline:
            name = (
                failing[0] if failing else next((n for n, p in known.items() if not p["works"]), "supervisor")
            )
            raise NotStarted(
                f"The part '{name}' does not start: {_last_words(name)} Its log is {records.log_of(name)}; "
                "it is tried again until `assay down`."
            )
        time.sleep(0.3)


def parts() -> dict[str, dict[str, Any]]:
    """Return what the supervisor wrote of each part: pid, works, done, starts, problem."""
    return dict((records.read("processes.json") or {}).get("parts", {}))


def pids() -> dict[str, int]:
    """Return the process of each part that runs, and of the supervisor."""
    written = records.read("processes.json") or {}
    found = {name: int(part["pid"]) for name, part in written.get("parts", {}).items() if part["pid"]}
    return {**found, **({"supervisor": int(written["supervisor"])} if "supervisor" in written else {})}


def stop(patience: float = PATIENCE) -> bool:
    """Stop all parts in order and wait until they have; tell whether any ran.

    Args:
        patience: Seconds.

    Raises:
        AssayError: They did not stop in time.
    """
    ran = any(True for _ in processes.of_installation())
    records.want(False)
    try:
        # A supervisor that lives stops everything, and only then lets go of its lock.
        with supervisor.lock().acquire(timeout=patience):
            if any(True for _ in processes.of_installation()):
                supervisor.Supervisor(records.read_parts()).stop()
            for process in list(processes.of_installation()):
                processes.end(process, 15, 30, descendants=False)
    except filelock.Timeout:
        raise AssayError(
            f"It has not stopped in {patience:.0f} s; its log is {records.log_of('supervisor')}."
        ) from None
    environment.server_file().unlink(missing_ok=True)
    return ran


def addresses() -> dict[str, str]:
    """Return where the pages are, as prefect and mlflow, while the installation is wanted."""
    known = json.loads(environment.server_file().read_text(encoding="utf-8"))
    return {name: str(known[name]) for name in ("prefect", "mlflow")}


def _taken(port: int, host: str = protection.LOOPBACK) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        near = protection.LOOPBACK if protection.is_anywhere(host) else host
        return probe.connect_ex((near, port)) == 0


def _last_words(part: str) -> str:
    try:
        lines = records.log_of(part).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
    return f"it said '{said[-1][:300]}'." if said else "it said nothing."
