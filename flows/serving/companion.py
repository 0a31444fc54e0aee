"""A Prefect server for the life of one command, when none is running.

Prefect would start one itself, but only when first asked, importing the whole server into this process to
do so. This one starts at once, in a process of its own, while the command reads its data.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tasks import home
from tasks.errors import AssayError

PATIENCE = 120
HOST = "127.0.0.1"
COMPANION = "ASSAY_COMPANION"
"""Set while the server is a companion: a link to its pages would soon lead nowhere."""


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def server() -> Iterator[Companion | None]:
    """Hold a Prefect server while the context is open, unless one is known already.

    Sets `PREFECT_API_URL`, so it must be entered before Prefect is imported.
    """
    if os.environ.get("PREFECT_API_URL"):
        yield None
        return
    companion = Companion(free_port())
    os.environ["PREFECT_API_URL"] = companion.url
    os.environ[COMPANION] = "1"
    try:
        yield companion
    finally:
        _deliver()
        companion.stop()
        os.environ.pop("PREFECT_API_URL", None)
        os.environ.pop(COMPANION, None)


def _deliver() -> None:
    """Send what Prefect's background workers still hold: they would wait long for a server that is gone."""
    if "prefect.flows" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=10)


class Companion:
    """A Prefect server's process."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}/api"
        folder = home.home() / "logs"
        folder.mkdir(exist_ok=True)
        self._log = folder / "prefect-companion.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.serving.companion", str(port), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"},
            )

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            AssayError: It ended or took too long; the message names its log.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            answers = suppress(OSError, urllib.error.URLError)
            with answers, urllib.request.urlopen(f"{self.url}/health", timeout=5):
                return
            time.sleep(0.05)
        raise AssayError(f"Prefect's server did not start; its log is {self._log}.")

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end_with(parent: int) -> None:
    """End this process as soon as its parent has: a killed command must not leave a server behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    """Serve Prefect's API on the port given, for as long as the process given is the parent.

    The parent is given rather than asked for: it may have ended before this line is reached.
    """
    threading.Thread(target=_end_with, args=(int(sys.argv[2]),), daemon=True).start()
    import uvicorn

    uvicorn.run(
        "flows.serving.gate:app",
        factory=True,
        host=HOST,
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    main()
