"""The servers behind the two user interfaces, Prefect's and MLflow's, and a worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from flows import console, environment
from flows.serving import protection
from tasks import home
from tasks.errors import AssayError, BadEvaluation

HOST = protection.LOOPBACK
_USERS = [sys.executable, "-m", "flows.serving.mlflow_users"]
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""MLflow would start processes for jobs that nothing here asks for."""
PATIENCE = 120
"""Seconds a server may take to answer: the first start of each makes its database."""


def start(prefect_port: int, mlflow_port: int, *, detach: bool, host: str = HOST) -> None:
    """Start all three, print the two addresses, and wait until interrupted unless detached.

    Raises:
        BadEvaluation: A port is taken, the servers are running already, or other machines could reach them
            and no password is set.
    """
    if "prefect_api" in (known := environment.running_servers()):
        raise BadEvaluation(
            f"The servers are running already: Prefect {known['prefect']} and MLflow {known['mlflow']}."
        )
    for name, port in (("Prefect", prefect_port), ("MLflow", mlflow_port)):
        if _taken(host, port):
            raise BadEvaluation(
                f"Port {port} is taken; give another with --{name.lower()}-port for {name}'s server."
            )
    protected = protection.prepared(host, (prefect_port, mlflow_port), home.home())
    addresses = {
        "prefect": f"http://{protected.name}:{prefect_port}",
        "mlflow": f"http://{protected.name}:{mlflow_port}",
        "prefect_api": f"{protected.near(prefect_port)}/api",
    }
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with console.aside.status("starting the servers …"):
            processes["prefect_pid"] = _spawn(
                "prefect-server", _prefect(host, prefect_port), protected.prefect
            )
            if protected.asked:
                subprocess.run(_USERS, env={**os.environ, **protected.mlflow}, check=True)
            mlflow = [*_mlflow(host, mlflow_port), *protected.arguments]
            processes["mlflow_pid"] = _spawn("mlflow-server", mlflow, {**WITHOUT_JOBS, **protected.mlflow})
            _await(f"{addresses['prefect_api']}/health", processes["prefect_pid"], "prefect-server")
            _await(f"{protected.near(mlflow_port)}/health", processes["mlflow_pid"], "mlflow-server")
            processes["worker_pid"] = _spawn(
                "worker",
                [sys.executable, "-m", "flows.queue.worker"],
                {
                    "PREFECT_API_URL": addresses["prefect_api"],
                    "PREFECT_UI_URL": addresses["prefect"],
                    "ASSAY_MLFLOW_PAGES": addresses["mlflow"],
                    **protected.clients,
                },
            )
        pids = {name: process.pid for name, process in processes.items()}
        known = {**addresses, **pids, "protected": protected.asked}
        environment.server_file().write_text(json.dumps(known), encoding="utf-8")
        console.out.print(f"Prefect  {addresses['prefect']}   start an evaluation, watch it run")
        console.out.print(f"MLflow   {addresses['mlflow']}   compare models")
        console.out.print(f"Logs     {_logs()}")
        if not protection.is_loopback(host):
            console.out.print(
                "Both ask for the password. It travels unencrypted: let a proxy with TLS stand before them "
                "wherever others share the network."
            )
        if detach:
            console.out.print("Stop them with: assay ui --stop")
            return
        console.out.print("Stop them with Ctrl-C.")
        _wait(processes)
    except BaseException:
        _end([process.pid for process in processes.values()])
        environment.server_file().unlink(missing_ok=True)
        raise


def stop() -> None:
    """Stop servers that were left running.

    Raises:
        BadEvaluation: They are those of `assay up`.
    """
    try:
        known = json.loads(environment.server_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        console.out.print("No servers are running.")
        return
    if known.get("supervised"):
        raise BadEvaluation("These servers are started again when they end; stop them with `assay down`.")
    _end([int(known[name]) for name in ("worker_pid", "prefect_pid", "mlflow_pid") if name in known])
    environment.server_file().unlink(missing_ok=True)
    console.out.print("Stopped.")


def _prefect(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "flows.serving.gate", "--host", host, "--port", str(port)]


def _mlflow(host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)),
        *("--backend-store-uri", home.tracking_uri(), "--workers", "1"),
        *("--default-artifact-root", home.artifact_folder().as_uri(), "--serve-artifacts"),
    ]


def _logs() -> Path:
    folder = home.home() / "logs"
    folder.mkdir(exist_ok=True)
    return folder


def _spawn(name: str, command: list[str], more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output in a log file."""
    inherited = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
    with (_logs() / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**inherited, **(more or {})},
            start_new_session=True,
        )


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((protection.LOOPBACK if protection.is_anywhere(host) else host, port)) == 0


def _await(url: str, process: subprocess.Popen[bytes], name: str) -> None:
    """Wait until a server answers.

    Raises:
        AssayError: It ended, or did not answer in time; the message names its log.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise AssayError(f"The {name} did not start; its log is {_logs() / f'{name}.log'}.")


def _wait(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Sleep until a signal comes or a server ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while all(process.poll() is None for process in processes.values()):
        time.sleep(0.5)
    raise AssayError(f"A server ended; its log is in {_logs()}.")


def _end(pids: list[int]) -> None:
    """Ask processes to end with all they started, and make those that do not."""
    for kind in (signal.SIGINT, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, kind)
        deadline = time.monotonic() + 10
        while kind == signal.SIGINT and time.monotonic() < deadline and any(map(_alive, pids)):
            time.sleep(0.1)


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
