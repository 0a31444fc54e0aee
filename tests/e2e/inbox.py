"""A local inbox: servers that keep what is posted to them, or mailed."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Inbox:
    """What has arrived."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.letters: list[Any] = []

    def wait(self, count: int, seconds: float = 60) -> list[Any]:
        """Wait until so many letters are there, and return all of them."""
        deadline = time.monotonic() + seconds
        while len(self.letters) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(self.letters) >= count, self.letters
        return list(self.letters)


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def webhook() -> Iterator[Inbox]:
    """Take JSON by HTTP while the context is open."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.letters.append({"path": self.path, **json.loads(body)})
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(f"http://127.0.0.1:{server.server_address[1]}")
    with _serving(server):
        yield inbox


@contextmanager
def mail() -> Iterator[Inbox]:
    """Take mail by SMTP while the context is open, from anyone to anyone."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            for line in self.rfile:
                word = line.strip().upper()
                if word == b"DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    inbox.letters.append(b"".join(lines).decode())
                    self.say("250 kept")
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(f"127.0.0.1:{server.server_address[1]}")
    with _serving(server):
        yield inbox
