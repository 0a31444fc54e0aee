"""A small OpenAI-compatible server on loopback that misbehaves on request.

What it answers is decided by the prompt alone, so that answers can be checked whatever their order. Trouble
is laid out beforehand: each prompt has a line of troubles, taken one a request until there are none.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-the-right-one-0123456789"
MODEL = "small-talker"


def answer(prompt: str) -> str:
    """Return what the model says to a prompt."""
    return f"{prompt[::-1]} indeed"


@dataclass(frozen=True)
class Asked:
    """A request for an answer, and when it came."""

    path: str
    body: Mapping[str, Any]
    at: float

    @property
    def prompt(self) -> str:
        """What was asked, last message or plain prompt."""
        return str(self.body["messages"][-1]["content"] if "messages" in self.body else self.body["prompt"])


@dataclass
class Talker:
    """The server's behaviour, and a record of what was asked.

    Attributes:
        models: What it lists; None where it has no listing.
        key: The key it asks for; empty for none.
        troubles: By prompt, what goes wrong with the next requests: a status, `wait N` (429 with
            Retry-After), `drop`, `slow` (never answers), `garbled`, `page`, `empty`, `echo` (400 that repeats
            the key), `die` (drops this and all that follow), or `after N` (answers when N were asked).
        always: What goes wrong with every request, when not empty.
        newer: Whether it knows the newer name of the longest answer only.
        delay: Seconds that an answer takes.
        address: Where it is served, while it is.
        asked: The requests for answers so far.
        listed: How often the models were asked for.
        most_at_once: The most requests that were under way at a time.
    """

    models: list[str] | None = field(default_factory=lambda: [MODEL, "other"])
    key: str = KEY
    troubles: dict[str, deque[str]] = field(default_factory=dict)
    always: str = ""
    newer: bool = False
    delay: float = 0.0
    address: str = ""
    asked: list[Asked] = field(default_factory=list)
    listed: int = 0
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    talker: Talker

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.talker.listed += 1
        if not self._let_in():
            return
        if self.talker.always:
            self._trouble(self.talker.always)
        elif self.path != "/v1/models" or self.talker.models is None:
            self._send(404, {"error": {"message": "Not Found"}})
        else:
            self._send(200, {"object": "list", "data": [{"id": name} for name in self.talker.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, body, time.monotonic())
        talker = self.talker
        with talker.lock:
            talker.asked.append(asked)
            talker.at_once += 1
            talker.most_at_once = max(talker.most_at_once, talker.at_once)
            line = talker.troubles.get(asked.prompt)
            trouble = talker.always or (line.popleft() if line else "")
        try:
            if self._let_in():
                if trouble.startswith("after"):
                    self._wait_for(int(trouble.split()[1]))
                    trouble = ""
                self._trouble(trouble) if trouble else self._answer(asked)
        finally:
            with talker.lock:
                talker.at_once -= 1

    def _wait_for(self, count: int) -> None:
        """Wait until so many requests have come, or for a time that no test takes."""
        for _ in range(3000):
            if len(self.talker.asked) >= count or self.talker.over.wait(0.01):
                return

    def _let_in(self) -> bool:
        if not self.talker.key or self.headers.get("Authorization") == f"Bearer {self.talker.key}":
            return True
        self._send(401, {"error": {"message": "Incorrect API key provided."}})
        return False

    def _answer(self, asked: Asked) -> None:
        self.talker.over.wait(self.talker.delay)
        most = "max_completion_tokens" if self.talker.newer else "max_tokens"
        if most not in asked.body:
            self._send(400, {"error": {"message": f"Unsupported parameter; use '{most}' instead."}})
            return
        text = answer(asked.prompt)
        used = {"prompt_tokens": len(asked.prompt.split()), "completion_tokens": len(text.split())}
        if asked.path == "/v1/chat/completions":
            choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}}
        else:
            choice = {"text": text}
        self._send(200, {"choices": [{"index": 0, "finish_reason": "stop", **choice}], "usage": used})

    def _trouble(self, trouble: str) -> None:
        kind, _, value = trouble.partition(" ")
        if kind == "die":
            self.talker.always = kind = "drop"
        if kind == "drop":
            self.close_connection = True
        elif kind == "slow":
            self.talker.over.wait(60)
            self.close_connection = True
        elif kind == "garbled":
            self._raw(200, b'{"choices": [{"mess', {})
        elif kind == "page":
            self._raw(200, b"<html>Welcome</html>", {})
        elif kind == "empty":
            self._send(200, {"choices": []})
        elif kind == "wait":
            self._raw(429, b'{"error": {"message": "slow down"}}', {"Retry-After": value})
        elif kind == "echo":
            self._send(400, {"error": {"message": f"no: {self.headers['Authorization']}"}})
        else:
            self._send(int(kind), {"error": {"message": f"trouble {kind}"}})

    def _send(self, status: int, value: Any) -> None:
        self._raw(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _raw(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def running(talker: Talker) -> Iterator[Talker]:
    """Serve a talker on a free port of loopback while the context is open."""
    handler = type("Handler", (_Handler,), {"talker": talker})
    server = _Server(("127.0.0.1", 0), handler)
    talker.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield talker
    finally:
        talker.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
