"""A small Hub on loopback: enough of its HTTP API for the unmodified clients to read models and datasets."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"
    r"(/(?P<what>revision|tree|paths-info|refs)(/(?P<revision>[^/]+))?(/(?P<path>.*))?)?"
)
_FILE = re.compile(r"/(?P<kind>datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class Repository:
    """Files by commit; `main` and tags point to commits."""

    kind: str
    name: str
    gated: bool = False
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], tag: str | None = None) -> str:
        """Add a commit of these files, point `main` (and a tag) to it, and return its id."""
        identity = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[identity] = dict(files)
        self.names["main"] = identity
        if tag:
            self.names[tag] = identity
        return identity

    def resolve(self, revision: str) -> str | None:
        """Return the commit of a revision."""
        wanted = unquote(revision)
        return wanted if wanted in self.commits else self.names.get(wanted)


class Hub:
    """Repositories, and a record of what was asked for."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.asked: list[str] = []
        self.address = ""

    def add(self, repository: Repository) -> Repository:
        """Keep a repository and return it."""
        self.repositories[repository.kind, repository.name] = repository
        return repository


class _Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            hub.asked.append(f"{self.command} {self.path}")

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            try:
                self._route(urlsplit(self.path).path, body)
            except _Refusal as refusal:
                self._send(refusal.status, b'{"error": "refused"}', {"X-Error-Code": refusal.code})

        def _route(self, path: str, body: bytes) -> None:
            if found := _API.fullmatch(path):
                repository = self._repository(found["kind"], found["name"])
                commit = self._commit(repository, found["revision"] or "main")
                self._api(repository, commit, found["what"], found["path"] or "", body)
            elif found := _FILE.fullmatch(path):
                repository = self._repository("datasets" if found["kind"] else "models", found["name"])
                self._file(repository, self._commit(repository, found["revision"]), unquote(found["path"]))
            else:
                raise _Refusal(404, "NotFound")

        def _repository(self, kind: str, name: str) -> Repository:
            repository = hub.repositories.get((kind, name))
            trusted = self.headers.get("Authorization") == "Bearer the-right-token"
            if repository is None or (repository.private and not trusted):
                raise _Refusal(401 if not trusted else 404, "RepoNotFound")
            return repository

        def _commit(self, repository: Repository, revision: str) -> str:
            commit = repository.resolve(revision)
            if commit is None:
                raise _Refusal(404, "RevisionNotFound")
            return commit

        def _api(self, repository: Repository, commit: str, what: str | None, path: str, body: bytes) -> None:
            files = repository.commits[commit]
            if what in {"tree", "paths-info"} and repository.gated:
                raise _Refusal(403, "GatedRepo")
            if what == "tree":
                below = [name for name in files if not path or name.startswith(f"{path.rstrip('/')}/")]
                if path and not below:
                    raise _Refusal(404, "EntryNotFound")
                recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower()
                self._json(_entries(files, below, path, deep=recursive in {"true", "1"}))
            elif what == "paths-info":
                given = parse_qs(body.decode()).get("paths", []) if not body.startswith(b"{") else []
                wanted = given or json.loads(body or b"{}").get("paths", [])
                self._json([_entry(name, files[name]) for name in wanted if name in files])
            elif what == "refs":
                branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": commit}]
                self._json({"branches": branches, "tags": [], "converts": []})
            else:
                self._json(
                    {
                        "id": repository.name,
                        "sha": commit,
                        "private": repository.private,
                        "gated": "auto" if repository.gated else False,
                        "disabled": False,
                        "downloads": 0,
                        "likes": 0,
                        "tags": [],
                        "lastModified": "2026-01-01T00:00:00.000Z",
                        "createdAt": "2026-01-01T00:00:00.000Z",
                        "siblings": [{"rfilename": name} for name in files],
                    }
                )

        def _file(self, repository: Repository, commit: str, path: str) -> None:
            if repository.gated:
                raise _Refusal(403, "GatedRepo")
            content = repository.commits[commit].get(path)
            if content is None:
                raise _Refusal(404, "EntryNotFound")
            headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": commit}
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if wanted:
                start, stop = int(wanted[1]), int(wanted[2] or len(content) - 1)
                headers["Content-Range"] = f"bytes {start}-{stop}/{len(content)}"
                self._send(206, content[start : stop + 1], headers)
            else:
                self._send(200, content, {**headers, "Accept-Ranges": "bytes"})

        def _json(self, value: Any) -> None:
            self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler


def _entry(name: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


def _entries(files: dict[str, bytes], below: list[str], path: str, *, deep: bool) -> list[dict[str, Any]]:
    if deep:
        return [_entry(name, files[name]) for name in below]
    start = len(path.rstrip("/")) + 1 if path else 0
    found: dict[str, dict[str, Any]] = {}
    for name in below:
        head, slash, _ = name[start:].partition("/")
        full = name[:start] + head
        found[full] = (
            {"type": "directory", "path": full, "size": 0, "oid": "0" * 40}
            if slash
            else _entry(name, files[name])
        )
    return list(found.values())


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Serve a hub on a free port of loopback while the context is open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
