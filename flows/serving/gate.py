"""Gate: keeps other web pages from using Prefect's server through the browser of someone who may use it.

Prefect answers whoever reaches it under any name, and takes changes that a browser sends for another site's
page. Anyone's page could so queue a run on a server that listens on the loopback address only. Here a request
has to name this server as its host, and one that changes something or opens a socket, if a browser says which
page sent it, has to come from this server's own.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from flows.serving.protection import GATE, LOOPBACK

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READING = {"GET", "HEAD", "OPTIONS"}
POLICY_VIOLATION = 1008


def refusal(kind: str, method: str, host: str, origin: str | None, hosts: Sequence[str]) -> str | None:
    """Return why a request is not let through; None for one that is.

    Args:
        kind: http or websocket.
        method: Its method.
        host: The server it names, with its port.
        origin: The page that sent it, where a browser says so.
        hosts: Names of this server.

    >>> refusal("http", "GET", "evil.example:4200", None, ["localhost"])
    "This server is not called 'evil.example'."
    >>> refusal("http", "POST", "localhost:4200", "http://evil.example", ["localhost"])
    'Another page may not change anything here.'
    >>> refusal("http", "POST", "localhost:4200", "http://localhost:4200", ["localhost"]) is None
    True
    >>> refusal("http", "POST", "10.0.0.5:4200", None, ["localhost"]) is None
    True
    """
    name = urlsplit(f"//{host}").hostname or ""
    # A page can have its own name point here, but not an address.
    if name not in hosts and not _is_address(name):
        return f"This server is not called '{name[:100]}'."
    if origin is None or (kind == "http" and method in READING):
        return None
    return None if urlsplit(origin).netloc == host else "Another page may not change anything here."


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Gate:
    """An ASGI application that lets through to another what it should see."""

    def __init__(self, behind: App, hosts: Sequence[str]) -> None:
        self._behind = behind
        self._hosts = [each.lower() for each in hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] in {"http", "websocket"}:
            said = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
            words = refusal(
                scope["type"],
                scope.get("method", ""),
                said.get(b"host", "").lower(),
                said.get(b"origin"),
                self._hosts,
            )
            if words is not None:
                await _refuse(scope["type"], words, receive, send)
                return
        await self._behind(scope, receive, send)


async def _refuse(kind: str, words: str, receive: Receive, send: Send) -> None:
    if kind == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": words})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})


def app() -> Gate:
    """Return Prefect's server behind the gate; `uvicorn --factory flows.serving.gate:app` serves it."""
    from prefect.server.api.server import create_app

    names = [each for each in os.environ.get(GATE, "").split(",") if each]
    return Gate(create_app(), names or ["localhost", LOOPBACK])


def main() -> None:
    """Serve Prefect as `prefect server start` does, behind the gate."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--no-services", action="store_true", help="The pages and the API alone.")
    given = parser.parse_args()
    # What `prefect server start` tells the application it makes.
    os.environ["PREFECT__SERVER_FINAL"] = "1"
    if given.no_services:
        os.environ["PREFECT__SERVER_WEBSERVER_ONLY"] = "1"
    import uvicorn
    from prefect.settings import get_current_settings

    settings = get_current_settings().server
    uvicorn.run(
        app(),
        host=given.host,
        port=given.port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
        log_level=settings.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
