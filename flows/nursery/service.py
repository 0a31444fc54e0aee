"""The nursery's process: imports what every run needs, then forks a process for each run asked of it.

Importing torch, transformers, MLflow, Prefect and the flows takes most of a small evaluation's time. Nothing
but imports happens before a fork: no thread is running, no device is in use, no model is loaded, and a run
finds everything as a process of its own would.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.nursery.stand_in import BEGUN, COLD, ENDED, ENGINE, LENGTH, PASSED_ON, STATUS

IMPORTED = (
    "torch",
    "transformers.modeling_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "datasets",
    "pandas",
    "mlflow.store.tracking.rest_store",
    "mlflow.store.artifact.mlflow_artifacts_repo",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "sklearn.metrics",
    "prefect.flow_engine",
    "prefect.engine",
    "flows.evaluation",
    "flows.reevaluation",
    "flows.shard",
    "flows.suite",
)
"""What runs import sooner or later, whatever they evaluate."""
OWN = ("PREFECT__", "ASSAY_NURSERY")
"""How variables begin that are each run's own, and that nothing has read when a module is imported."""
OF_A_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}
ANSWER = 10.0
"""Seconds that whoever connects has for saying what is to be run."""
GIVEN_WAY = 10
"""Steps of niceness; a process one step lower in it gets a quarter more of a core that both want."""
DEATH = 1
"""Linux's PR_SET_PDEATHSIG: the signal a process gets when the one that forked it ends."""


@dataclass(frozen=True)
class Request:
    """A run that is asked for.

    Attributes:
        environment: Its variables.
        folder: Where it works.
        output: Its standard input, output and error, as file descriptors.
    """

    environment: dict[str, str]
    folder: str
    output: tuple[int, ...]


def differing(wanted: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return the variables whose other value may have been read by an import already.

    Args:
        wanted: The environment a run asks for.
        here: The one everything was imported in.

    >>> differing({"OMP_NUM_THREADS": "4", "PREFECT__FLOW_RUN_ID": "1"}, {"OMP_NUM_THREADS": "8"})
    ['OMP_NUM_THREADS']
    """
    return sorted(
        name
        for name in {*wanted, *here} - OF_A_SHELL
        if not name.startswith(OWN) and wanted.get(name) != here.get(name)
    )


def received(line: socket.socket) -> Request:
    """Hear what is to be run.

    Raises:
        OSError: Whoever connected did not say so in time.
    """
    line.settimeout(ANSWER)
    head, output, _, _ = socket.recv_fds(line, LENGTH.size, 3)
    if len(head) != LENGTH.size or len(output) != 3:
        raise ConnectionError("No run was asked for.")
    size = LENGTH.unpack(head)[0]
    message = line.recv(size, socket.MSG_WAITALL)
    while len(message) < size:
        more = line.recv(size - len(message), socket.MSG_WAITALL)
        if not more:
            raise ConnectionError("A run was asked for by halves.")
        message += more
    line.settimeout(None)
    told = json.loads(message)
    return Request(told["environment"], told["folder"], tuple(output))


class Nursery:
    """The loop that forks runs, passes signals to them, and tells how they ended.

    Args:
        listener: Where runs are asked for.
        keeper: A file that ends with the worker; what runs then still goes on.
        environment: What everything was imported in.
    """

    def __init__(self, listener: socket.socket, keeper: int, environment: Mapping[str, str]) -> None:
        self._listener, self._keeper, self._environment = listener, keeper, environment
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(keeper, selectors.EVENT_READ)
        self._runs: dict[socket.socket, int] = {}
        self._lines: dict[int, socket.socket] = {}
        self._open = True

    def serve(self) -> Request:
        """Fork a process for each run; return in that process only, with what it is to run."""
        while self._open or self._runs:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    if request := self._asked():
                        return request
                elif key.fileobj == self._keeper:
                    self._close()
                elif isinstance(key.fileobj, socket.socket):
                    self._pass_on(key.fileobj)
                elif isinstance(key.fileobj, int) and key.fileobj in self._lines:
                    self._ended(key.fileobj)
        sys.exit()

    def _asked(self) -> Request | None:
        line, _ = self._listener.accept()
        try:
            request = received(line)
        except (OSError, ValueError):
            line.close()
            return None
        nursery, child = os.getpid(), None
        if others := differing(request.environment, self._environment):
            print(f"A run starts by itself: it has other values of {', '.join(others)}.", flush=True)
        else:
            with suppress(OSError):
                child = os.fork()
        if child == 0:
            self._be_born(nursery)
            line.close()
            return request
        for each in request.output:
            os.close(each)
        # A stand-in that is gone by now is noticed below.
        with suppress(OSError):
            line.sendall(COLD if child is None else BEGUN)
        if child is None:
            line.close()
            return None
        watched = os.pidfd_open(child)
        self._runs[line], self._lines[watched] = child, line
        self._selector.register(line, selectors.EVENT_READ)
        self._selector.register(watched, selectors.EVENT_READ)
        return None

    def _be_born(self, nursery: int) -> None:
        """Cut what ties a forked process to the nursery, but for ending with it."""
        ctypes.CDLL(None).prctl(DEATH, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != nursery:
            os._exit(1)
        self._selector.close()
        self._listener.close()
        os.close(self._keeper)
        for line in self._runs:
            line.close()
        for watched in self._lines:
            os.close(watched)

    def _pass_on(self, line: socket.socket) -> None:
        """Send a run the signals that its stand-in got; one that is gone takes the run with it."""
        try:
            said = line.recv(64)
        except OSError:
            said = b""
        for number in said or bytes([signal.SIGKILL]):
            with suppress(ProcessLookupError):
                os.kill(self._runs[line], number)
        if not said:
            self._selector.unregister(line)

    def _ended(self, watched: int) -> None:
        line = self._lines.pop(watched)
        self._selector.unregister(watched)
        os.close(watched)
        with suppress(KeyError):
            self._selector.unregister(line)
        _, status = os.waitpid(self._runs.pop(line), 0)
        with suppress(OSError):
            line.sendall(ENDED + STATUS.pack(status))
        line.close()

    def _close(self) -> None:
        """Take no more runs, and leave nothing behind of a worker that is gone."""
        self._open = False
        self._selector.unregister(self._keeper)
        self._selector.unregister(self._listener)
        place = Path(self._listener.getsockname()).parent
        self._listener.close()
        shutil.rmtree(place, ignore_errors=True)


def become(request: Request) -> None:
    """Make a forked process what one that was started for the run would be, and run it."""
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, each in enumerate(request.output):
        os.dup2(each, target)
        os.close(each)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.argv[:] = [ENGINE]
    sys.path[0] = request.folder
    import numpy

    # Python's own generator is seeded anew by a fork; NumPy's would be the same in every run.
    numpy.random.seed()
    with warnings.catch_warnings():
        # That it was imported before is the point.
        warnings.filterwarnings("ignore", message=f"'{ENGINE}' found in sys.modules")
        runpy.run_module(ENGINE, run_name="__main__", alter_sys=True)


def give_way() -> None:
    """Let whoever answers people go before what computes for minutes: servers may share the machine."""
    os.nice(GIVEN_WAY)
    # Where Linux shares out a machine by sessions first, niceness counts in a session's own share only.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(GIVEN_WAY), encoding="ascii")


def main() -> None:
    """Import, then fork for whoever asks at the listener that is given by its number."""
    environment = dict(os.environ)
    give_way()
    # Asked of the driver's library, so that no device is opened by whoever only asks if there is one.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    listener = socket.socket(fileno=int(sys.argv[1]))
    keeper = os.dup(0)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN)
    for module in IMPORTED:
        importlib.import_module(module)
        if select.select([keeper], [], [], 0)[0]:
            break
    gc.collect()
    gc.freeze()
    become(Nursery(listener, keeper, environment).serve())


if __name__ == "__main__":
    main()
