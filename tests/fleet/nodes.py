"""A Ray cluster on loopback, each node started as one starts it on a machine: by `ray start`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from flows.companion import free_port
from tasks.fleet.cluster import connected

PATIENCE = 120
ENVIRONMENT = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Credentials are each node's own: nobody sends them about.
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
ALWAYS = (
    *("--block", "--disable-usage-stats", "--object-store-memory", str(80 << 20)),
    # Nodes of one machine must not take each other's ports.
    *("--min-worker-port", "0", "--max-worker-port", "0"),
)


@dataclass
class Nodes:
    """A head that computes nothing, and workers with one processor each.

    Attributes:
        address: The head's, host:port.
        client: The same for clients that are no part of the cluster, ray://host:port.
        head: Its process.
        workers: Their processes.
    """

    address: str
    client: str
    head: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def fill(self, count: int) -> None:
        """Start workers until there are so many, and wait for them."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            # On a busy machine one may give up while it starts.
            self.workers = [worker for worker in self.workers if worker.poll() is None]
            while len(self.workers) < count:
                self.workers.append(_started("--address", self.address, "--num-cpus", "1"))
            with suppress(Exception), connected(self.address) as ray:
                if sum(node["Alive"] for node in ray.nodes()) == count + 1:
                    return
            time.sleep(1)
        raise TimeoutError(f"There are no {count} nodes after {PATIENCE} s.")

    def lose(self, number: int) -> None:
        """End a worker node as when its machine loses power: all its processes at once."""
        _end(self.workers.pop(number))

    def predicting(self) -> list[psutil.Process]:
        """Return the processes that predict."""
        found = []
        for node in self.workers:
            for process in _below(node):
                with suppress(psutil.NoSuchProcess):
                    if "Worker.predict" in " ".join(process.cmdline()):
                        found.append(process)
        return found


@contextmanager
def running() -> Iterator[Nodes]:
    """Hold the head of a cluster while the context is open."""
    port, client = free_port(), free_port()
    # Ray's sockets lie below it, and the names of sockets are short.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    head = _started(
        "--head",
        *("--num-cpus", "0", "--port", str(port), "--ray-client-server-port", str(client)),
        *("--include-dashboard", "false", "--temp-dir", folder),
    )
    nodes = Nodes(f"127.0.0.1:{port}", f"ray://127.0.0.1:{client}", head)
    try:
        nodes.fill(0)
        yield nodes
    finally:
        for each in (*nodes.workers, head):
            _end(each)
        shutil.rmtree(folder, ignore_errors=True)


def _started(*arguments: str) -> subprocess.Popen[bytes]:
    ray = Path(sys.executable).with_name("ray")
    return subprocess.Popen(
        [str(ray), "start", *arguments, *ALWAYS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )


def _below(node: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(node.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _end(node: subprocess.Popen[bytes]) -> None:
    there = _below(node)
    node.kill()
    for process in there:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    node.wait()
