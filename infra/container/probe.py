"""`python -m infra.container.probe URL | services`: whether a container's process does its work.

Imports nothing heavy, since it is started every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
from contextlib import suppress

PATIENCE = 5.0
"""Seconds for an answer."""
SILENCE = 60.0
"""Seconds without a sign after which the services count as hung; they give one every two."""


def answers(url: str) -> bool:
    """Return whether a page answers with success."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=PATIENCE):
        return True
    return False


def services_beat(environment: dict[str, str], now: float, host: str) -> bool:
    """Return whether Prefect's background services on this host gave a sign lately.

    They have no page to ask, but say in Redis that they are there, as host#process.

    Args:
        environment: Holds `PREFECT_SERVER_DOCKET_URL`.
        now: Seconds since 1970.
        host: This container's name.
    """
    import redis

    name = environment.get("PREFECT_SERVER_DOCKET_NAME", "prefect-server")
    with redis.Redis.from_url(
        environment["PREFECT_SERVER_DOCKET_URL"], socket_timeout=PATIENCE, decode_responses=True
    ) as client:
        signs = client.zrangebyscore(f"{name}:workers", now - SILENCE, "+inf")
    return any(str(sign).partition("#")[0] == host for sign in signs)


def main() -> None:
    """Exit with 0 when all is well."""
    (asked,) = sys.argv[1:]
    if asked == "services":
        well = services_beat(dict(os.environ), time.time(), socket.gethostname())
    else:
        well = answers(asked)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
