"""The process that a worker starts for a run, and that stands in for the one the nursery forks.

To the worker it is the run: it passes signals on, ends as the run ends, and the run ends with it. Where there
is no nursery, or the run wants another environment than the nursery's, it becomes the run itself. It is begun
by its path and imports little, so that it costs a run next to nothing.
"""

import json
import os
import signal
import socket
import struct
import sys

SOCKET = "ASSAY_NURSERY"
"""The variable that says where the nursery listens."""
ENGINE = "prefect.engine"
"""The module that runs a flow."""
BEGUN, COLD, ENDED = b"b", b"c", b"e"
"""What the nursery says: it has the run, it will not have it, the run has ended (with its wait status)."""
LENGTH = struct.Struct("!Q")
STATUS = struct.Struct("!i")
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def asked() -> bytes:
    """Return what the nursery is asked: to run a flow in this environment and this folder."""
    return json.dumps({"environment": dict(os.environ), "folder": os.getcwd()}).encode()


def forked(line: socket.socket) -> int | None:
    """Have the nursery run it; return how the run ended, as a wait status, or None if it would not.

    Args:
        line: To the nursery.
    """
    message = asked()
    socket.send_fds(line, [LENGTH.pack(len(message))], [0, 1, 2])
    line.sendall(message)
    if line.recv(1) != BEGUN:
        return None
    for each in PASSED_ON:
        signal.signal(each, lambda number, _: line.sendall(bytes([number])))
    said = line.recv(1 + STATUS.size, socket.MSG_WAITALL)
    # A nursery that was killed has taken the run with it.
    return STATUS.unpack(said[1:])[0] if said[:1] == ENDED else int(signal.SIGKILL)


def end(status: int) -> None:
    """End as the run has ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main() -> None:
    """Have the run forked, or be it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(os.environ.get(SOCKET, ""))
            status = forked(line)
        except OSError:
            status = None
    if status is not None:
        end(status)
    os.execv(sys.executable, [sys.executable, "-m", ENGINE])


if __name__ == "__main__":
    main()
