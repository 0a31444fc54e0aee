"""The keeper: starts a worker's nursery, and starts it anew when it has ended."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Protocol

from flows.nursery import stand_in

WISH = "ASSAY_WARM"
"""The variable that says `no` where every run shall start by itself, `yes` where even a GPU is no reason to."""
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
    return bool(wish) or not glob.glob("/dev/nvidia[0-9]*")


class Keeper:
    """Keeps a nursery for as long as its worker runs.

    Attributes:
        command: What a worker runs in place of Prefect's engine.
    """

    def __init__(self) -> None:
        self.command = shlex.join([sys.executable, "-I", "-S", str(Path(stand_in.__file__).resolve())])

    def keep(self) -> None:
        """Start a nursery, and another whenever one has ended; say to runs where it is."""
        threading.Thread(target=self._keep, args=(self._start(),), daemon=True).start()

    def _keep(self, nursery: subprocess.Popen[bytes]) -> None:
        short = 0
        while True:
            began, place = time.monotonic(), Path(os.environ[stand_in.SOCKET]).parent
            nursery.wait()
            shutil.rmtree(place, ignore_errors=True)
            short = short + 1 if time.monotonic() - began < SHORT else 0
            if short == TRIES:
                print("No nursery lasts here; runs start by themselves.", file=sys.stderr, flush=True)
                return
            nursery = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        os.environ[stand_in.SOCKET] = str(Path(tempfile.mkdtemp(prefix="assay-nursery-")) / "socket")
        return subprocess.Popen(
            [sys.executable, "-m", "flows.nursery.service"],
            env=_environment(),
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
    """Keep a nursery for this process's runs, where that is wanted."""
    if is_wanted() and not _keeper:
        _keeper.append(Keeper())
        _keeper[0].keep()


def engage(configuration: Commanded) -> None:
    """Have a run forked, unless somebody has said how it is to be started, or there is no nursery."""
    if _keeper and not configuration._command_configured:
        configuration.command = _keeper[0].command
        configuration._command_configured = True
