"""The sentinel: starts the supervisor again when it is gone.

The supervisor does the same for the sentinel.
"""

from __future__ import annotations

import time

import filelock

from flows.installation import processes, records, supervisor
from flows.installation.parts import Part

TICK = 1.0
COMMAND = processes.python("flows.installation.sentinel")
SUPERVISOR = Part("supervisor", processes.python("flows.installation.supervisor"))


def is_supervised() -> bool:
    """Tell whether a supervisor lives: it holds its lock."""
    try:
        with supervisor.lock().acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True


def main() -> None:
    """Watch until the installation is no longer wanted."""
    started = None
    while records.is_wanted():
        if started is not None and not processes.is_alive(started):
            started = None
        if started is None and not is_supervised() and records.is_wanted():
            started = processes.spawn(SUPERVISOR)
        time.sleep(TICK)


if __name__ == "__main__":
    main()
