"""The keeper: starts a worker's nursery, and starts it anew when it has ended."""

from __future__ import annotations

import atexit
import glob
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Protocol

from flows.nursery import stand_in

WISH = "ASSAY_WARM"
"""The variable that says `no` where every run shall start by itself; `yes` where none need, GPU or not."""
REST = 20.0
"""Seconds after which a worker has its nursery, if no run needs one before: servers may be starting, too."""
SHORT = 60.0
"""Seconds that a nursery lasts at least, if nothing is wrong with it."""
TRIES = 3
"""Nurseries that may end sooner, one after the other, until no other is started."""


def is_wanted() -> bool:
    """Tell whether runs are forked here: on Linux, and on a machine without NVIDIA's devices if not told to.

    A driver that was opened before a fork is of no use after it. Nothing opens it here; but what an import
    does is for other packages to decide.
    """
    wish = os.environ.get(WISH, "").casefold()
    if sys.platform != "linux" or wish in ("no", "0", "false", "off"):
        return False
    try:
        # What tells the nursery that a run has ended; some sandboxes lack it.
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return bool(wish) or not glob.glob("/dev/nvidia[0-9]*")


class Keeper:
    """Keeps a nursery for as long as its worker runs.

    Attributes:
        command: What a worker runs in place of Prefect's engine.
        needed: Set when a run is about to ask for the nursery.

    Raises:
        OSError: There is no place for its socket.
    """

    def __init__(self) -> None:
        self.command = shlex.join([sys.executable, "-I", "-S", str(Path(stand_in.__file__).resolve())])
        self.needed = threading.Event()
        self._place = Path(tempfile.mkdtemp(prefix="assay-nursery-"))
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # It outlasts every nursery: whoever comes while one is started waits, which is sooner than its own.
        try:
            self._listener.bind(str(self._place / "socket"))
            self._listener.listen(64)
        except OSError:
            self.close()
            raise
        os.environ[stand_in.SOCKET] = str(self._place / "socket")

    def keep(self) -> None:
        """Start a nursery soon, and another whenever one has ended, until none lasts."""
        self.needed.wait(REST)
        short = 0
        while short < TRIES:
            began = time.monotonic()
            self._start().wait()
            short = short + 1 if time.monotonic() - began < SHORT else 0
        print("No nursery lasts here; runs start by themselves.", file=sys.stderr, flush=True)
        self.close()

    def close(self) -> None:
        """Turn away whoever comes, and remove what there is of it on the disk."""
        self._listener.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        listener = self._listener.fileno()
        return subprocess.Popen(
            [sys.executable, "-m", "flows.nursery.service", str(listener)],
            env=_environment(),
            pass_fds=[listener],
            # Its other end is this process's, and closes with it.
            stdin=subprocess.PIPE,
            # An interrupt from the terminal is for the worker, which passes it on.
            start_new_session=True,
        )


def _environment() -> dict[str, str]:
    """Return the environment that a worker gives to its runs."""
    from prefect.settings import get_current_settings

    return {**os.environ, **get_current_settings().to_environment_variables(exclude_unset=True)}


class Commanded(Protocol):
    """What tells a worker how to start a run."""

    command: str | None
    _command_configured: bool


_keeper: list[Keeper] = []


def keep() -> None:
    """Keep a nursery for this process's runs, where that is wanted and can be."""
    if not is_wanted() or _keeper:
        return
    try:
        _keeper.append(Keeper())
    except OSError as error:
        # As where the folder of temporary files cannot be written, or its path is too long for a socket.
        print(f"There can be no nursery; runs start by themselves: {error}.", file=sys.stderr, flush=True)
        return
    # A worker that ends before its nursery has begun leaves nobody else to tidy up.
    atexit.register(_keeper[0].close)
    threading.Thread(target=_keeper[0].keep, daemon=True).start()


def engage(configuration: Commanded) -> None:
    """Have a run forked, unless somebody has said how it is to be started, or there is no nursery."""
    if _keeper and not configuration._command_configured:
        _keeper[0].needed.set()
        configuration.command = _keeper[0].command
        configuration._command_configured = True
