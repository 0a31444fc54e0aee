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

from flows.serving.companion import free_port
from tasks.errors import OutOfReach
from tasks.fleet.cluster import connected

PATIENCE = 300
"""Seconds that nodes have to be there: many times what a quiet machine takes."""
ENVIRONMENT = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # On a loaded machine the process that serves a client from outside takes longer than half a minute.
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": str(PATIENCE),
    # Credentials are each node's own: nobody sends them about.
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
ALWAYS = (
    *("--block", "--disable-usage-stats", "--object-store-memory", str(80 << 20)),
    *("--include-log-monitor", "false", "--log-color", "false"),
    # Nodes of one machine must not take each other's ports.
    *("--min-worker-port", "0", "--max-worker-port", "0"),
)


@dataclass
class Nodes:
    """A head that computes nothing, and workers with one processor each.

    Attributes:
        address: The head's, host:port.
        client: The same for clients that are no part of the cluster, ray://host:port.
        folder: Where nodes keep sockets and logs, each in one of its own.
        head: Its process.
        workers: Their processes.
    """

    address: str
    client: str
    folder: Path
    head: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    count: int = 0

    def fill(self, count: int) -> None:
        """Start workers until there are so many, and wait for them."""
        # What a test before this one left without ending it.
        while len(self.workers) > count:
            self.lose(len(self.workers) - 1)
        until = time.monotonic() + PATIENCE
        seen = "nothing answers"
        while time.monotonic() < until:
            assert self.head.poll() is None, f"The head has ended: {self.said('head')}"
            self.workers = [worker for worker in self.workers if worker.poll() is None]
            while len(self.workers) < count:
                self.join()
            # One connection, asked again and again: each new one is a job that every node hears of.
            with suppress(OutOfReach), connected(self.address) as ray:
                while time.monotonic() < until and all(each.poll() is None for each in self.workers):
                    living = sum(node["Alive"] for node in ray.nodes())
                    # What a lost node had is counted for a while after it is known to be gone.
                    processors = int(ray.cluster_resources().get("CPU", 0))
                    if (living, processors) == (count + 1, count):
                        return
                    seen = f"{living} of {count + 1} nodes are alive, with {processors} processors"
                    time.sleep(0.25)
            time.sleep(0.5)
        last = self.said(f"n{self.count}") if self.count else self.said("head")
        raise AssertionError(f"There are no {count} workers after {PATIENCE} s; {seen}. {last}")

    def join(self) -> None:
        """Start one more worker, and do not wait for it."""
        self.count += 1
        name = f"n{self.count}"
        # A folder each: two that start at once would take the same name for a socket, and one would abort.
        folder = ("--temp-dir", str(self.folder / name))
        started = _started(self.folder / f"{name}.log", "--address", self.address, "--num-cpus", "1", *folder)
        self.workers.append(started)

    def said(self, name: str) -> str:
        """Return the last that a node said."""
        log = self.folder / f"{name}.log"
        return log.read_text(encoding="utf-8", errors="replace")[-1500:] if log.is_file() else ""

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
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    head = _started(
        folder / "head.log",
        "--head",
        *("--num-cpus", "0", "--port", str(port), "--ray-client-server-port", str(client)),
        *("--include-dashboard", "false", "--no-monitor", "--temp-dir", str(folder / "head")),
    )
    nodes = Nodes(f"127.0.0.1:{port}", f"ray://127.0.0.1:{client}", folder, head)
    try:
        nodes.fill(0)
        yield nodes
    finally:
        for each in (*nodes.workers, head):
            _end(each)
        shutil.rmtree(folder, ignore_errors=True)


def _started(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    ray = Path(sys.executable).with_name("ray")
    with log.open("ab") as said:
        return subprocess.Popen(
            [str(ray), "start", *arguments, *ALWAYS],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
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
