"""A small Hub on loopback: enough of its HTTP API for the unmodified clients to read models and datasets.

It answers as the public Hub does where the clients can tell the difference: large files are redirected to
another address, listings come in pages, renamed repositories redirect, and what may not be read is refused
with the same statuses and `X-Error-Code`s.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.hub import catalogue, community
from tests.hub.community import Discussion, Refusal

READER = "hf_reader"
"""A token that opens private and gated repositories."""
STRANGER = "hf_stranger"
"""A token that is valid and opens none of them."""
WRITER = "hf_wRiTeRsEcReT0123456789"
"""A token whose owner opens pull requests."""
USERS = {READER: "reader", STRANGER: "stranger", WRITER: "evaluator"}

LARGE = (".safetensors", ".bin", ".parquet")
"""Files that are kept as large files, behind a redirect."""

Kind = Literal["models", "datasets"]

_API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+(/[^/]+)??)"
    r"(/(?P<what>revision|tree|paths-info|preupload|commit)/(?P<revision>[^/]+)(/(?P<path>.+))?)?"
)
_LISTING = re.compile(r"/api/(?P<kind>models|datasets)")
_LEADERBOARD = re.compile(r"/api/datasets/(?P<name>[^/]+/[^/]+)/leaderboard")
_DISCUSSIONS = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)/discussions(/(?P<number>\d+)(/(?P<action>.+))?)?"
)
_FILE = re.compile(r"/(?P<kind>datasets/)?(?P<name>[^/]+(/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_STORED = re.compile(r"/stored/(?P<sha256>[0-9a-f]{64})")


@dataclass
class Repository:
    """Files by commit; branches and tags point to commits."""

    kind: Kind
    name: str
    gated: bool = False
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    downloads: int = 0
    discussions: list[Discussion] = field(default_factory=list)

    def commit(self, files: Mapping[str, bytes], tag: str | None = None) -> str:
        """Add a commit of these files, point `main` (and a tag) to it, and return its id.

        The id comes of the content alone, so that the same files are the same commit wherever they are.
        """
        identity = self.store(files)
        self.names["main"] = identity
        if tag:
            self.names[tag] = identity
        return identity

    def store(self, files: Mapping[str, bytes]) -> str:
        """Add a commit that no branch points to yet, and return its id."""
        identity = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[identity] = dict(files)
        return identity

    def resolve(self, revision: str) -> str | None:
        """Return the commit of a branch, tag or commit, None when there is no such revision."""
        return revision if revision in self.commits else self.names.get(revision)

    @property
    def main(self) -> str:
        """The commit that the main branch points to."""
        return self.names["main"]

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the main branch."""
        return self.commits[self.main]


@dataclass
class Hub:
    """Repositories, and a record of what was asked for.

    Attributes:
        asked: The requests so far, as `GET /api/models/acme/topic`.
        address: Where it is served, while it is.
        page: How many entries a page of a listing has.
        ailing: Part of the paths that are answered with `illness`, when not empty.
        illness: A status; the clients retry 503 for half a minute, and give up at once on 501.
        moody: Whether half of all addresses are refused the first time they are asked: with 429 and when to
            come back, or with 500.
        together: Opened pull requests wait here for each other, so that they are opened at the same moment.
    """

    repositories: dict[tuple[Kind, str], Repository] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""
    page: int = 1000
    ailing: str = ""
    illness: int = 501
    moody: bool = False
    together: threading.Barrier | None = None
    seen: set[str] = field(default_factory=set)

    def add(self, repository: Repository) -> Repository:
        """Keep a repository and return it."""
        self.repositories[repository.kind, repository.name] = repository
        return repository

    def stored(self, sha256: str) -> bytes | None:
        """Return the large file of a digest."""
        for repository in self.repositories.values():
            for files in repository.commits.values():
                for content in files.values():
                    if hashlib.sha256(content).hexdigest() == sha256:
                        return content
        return None


def folder(path: Path) -> dict[str, bytes]:
    """Return the files below a folder by their names in a repository."""
    return {
        found.relative_to(path).as_posix(): found.read_bytes()
        for found in sorted(path.rglob("*"))
        if found.is_file() and not found.name.startswith(".")
    }


class _Moved(Exception):
    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        try:
            if self.hub.ailing and self.hub.ailing in address.path:
                raise Refusal(self.hub.illness)
            asked = f"{self.command} {self.path}"
            mood = zlib.crc32(asked.encode()) % 4
            moody = self.hub.moody and not address.path.endswith("/merge")
            if moody and mood < 2 and asked not in self.hub.seen:
                self.hub.seen.add(asked)
                raise Refusal((429, 500)[mood])
            self._route(address.path, parse_qs(address.query), body)
        except _Moved as moved:
            self._send(307, b"", {"Location": moved.location})
        except Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            headers["Retry-After"] = "0" if refusal.status == 429 else ""
            self._send(refusal.status, b"{}", {name: value for name, value in headers.items() if value})

    def _route(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        if found := _STORED.fullmatch(path):
            content = self.hub.stored(found["sha256"])
            if content is None:
                raise Refusal(404)
            self._content(content, {"ETag": f'"{found["sha256"]}"'})
        elif found := _FILE.fullmatch(path):
            repository = self._repository("datasets" if found["kind"] else "models", found["name"])
            self._file(repository, self._commit(repository, found["revision"]), unquote(found["path"]))
        elif path == "/api/whoami-v2":
            self._json({"type": "user", "name": self._user(), "orgs": []})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif found := _LISTING.fullmatch(path):
            self._json(catalogue.listed(self.hub, found["kind"], query))
        elif found := _LEADERBOARD.fullmatch(path):
            self._repository("datasets", found["name"])
            self._json(catalogue.leaderboard(self.hub, found["name"]))
        elif found := _DISCUSSIONS.fullmatch(path):
            repository = self._repository(found["kind"], found["name"])
            self._discussion(repository, found["number"], found["action"], query, body)
        elif found := _API.fullmatch(path):
            repository = self._repository(found["kind"], found["name"])
            commit = self._commit(repository, found["revision"] or "main")
            inside = unquote(found["path"] or "").rstrip("/")
            match found["what"]:
                case "tree":
                    self._tree(repository, commit, inside, query)
                case "paths-info":
                    self._open(repository)
                    self._json(_infos(repository.commits[commit], parse_qs(body.decode()).get("paths", [])))
                case "preupload":
                    self._user()
                    asked = json.loads(body)["files"]
                    self._json({"files": [_upload(repository.commits[commit], each) for each in asked]})
                case "commit":
                    pull_request = query.get("create_pr") == ["1"]
                    if pull_request and self.hub.together:
                        # One that comes alone is answered all the same, and the test sees what came of it.
                        with suppress(threading.BrokenBarrierError):
                            self.hub.together.wait(120)
                    revision = unquote(found["revision"])
                    where = self.hub.address
                    with community.WRITING:
                        taken = community.commit(
                            repository, revision, self._user(), body, where, pull_request=pull_request
                        )
                    self._json(taken)
                case _:
                    described = _described(repository, commit)
                    self._json(described | catalogue.about(repository, query.get("expand", [])))
        else:
            raise Refusal(404)

    def _user(self) -> str:
        """Return who asks; nobody may not write."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in USERS:
            raise Refusal(401, message="Invalid username or password.")
        return USERS[token]

    def _discussion(
        self,
        repository: Repository,
        number: str | None,
        action: str | None,
        query: dict[str, list[str]],
        body: bytes,
    ) -> None:
        """List discussions, open one in full, or take what a user says in one."""
        if number is None:
            self._json(community.listed(repository, query))
        elif action is None:
            opened = community.of_number(repository, int(number))
            self._json(community.described(repository, opened, details=True))
        else:
            given = json.loads(body or b"{}")
            self._json(community.act(repository, int(number), action, self._user(), given))

    def _repository(self, kind: Kind, name: str) -> Repository:
        """Find a repository; to those who may not read it, a private one is not there."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in USERS:
            raise Refusal(401, message="Invalid credentials in Authorization header")
        if name in self.hub.renamed:
            raise _Moved(self.path.replace(f"/{name}", f"/{self.hub.renamed[name]}", 1))
        repository = self.hub.repositories.get((kind, name))
        if repository is None or (repository.private and token != READER):
            raise Refusal(404 if token else 401, "RepoNotFound", "Repository not found")
        return repository

    def _open(self, repository: Repository) -> None:
        """Refuse the content of a gated repository, whose name and commits everybody may see."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repository.gated and token != READER:
            raise Refusal(403 if token else 401, "GatedRepo", f"Access to {repository.name} is restricted")

    def _commit(self, repository: Repository, revision: str) -> str:
        commit = repository.resolve(unquote(revision))
        if commit is None:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _tree(self, repository: Repository, commit: str, inside: str, query: dict[str, list[str]]) -> None:
        """List a folder page by page, the address of the next page in the `Link` header."""
        self._open(repository)
        deep = query.get("recursive", ["false"])[0].lower() in {"true", "1"}
        entries = _entries(repository.commits[commit], inside, deep=deep)
        if inside and not entries:
            raise Refusal(404, "EntryNotFound", "Entry not found")
        start = int(query.get("cursor", ["0"])[0])
        stop = start + self.hub.page
        headers = {}
        if stop < len(entries):
            more = urlencode({**{name: values[0] for name, values in query.items()}, "cursor": stop})
            headers["Link"] = f'<{self.hub.address}{urlsplit(self.path).path}?{more}>; rel="next"'
        self._json(entries[start:stop], headers)

    def _file(self, repository: Repository, commit: str, path: str) -> None:
        """Send a small file, or the address of a large one with what the client wants to know of it."""
        self._open(repository)
        content = repository.commits[commit].get(path)
        about = {"X-Repo-Commit": commit}
        if content is None:
            self._send(404, b"", {**about, "X-Error-Code": "EntryNotFound"})
        elif path.endswith(LARGE):
            sha256 = hashlib.sha256(content).hexdigest()
            about |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
            # The clients follow redirects within the Hub on their own, so it must be another host's name.
            elsewhere = self.hub.address.replace("127.0.0.1", "localhost")
            self._send(302, b"", {**about, "Location": f"{elsewhere}/stored/{sha256}"})
        else:
            self._content(content, {**about, "ETag": f'"{_blob(content)}"'})

    def _content(self, content: bytes, headers: dict[str, str]) -> None:
        """Send a file's bytes, or the range of them that was asked for."""
        headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not asked:
            self._send(200, content, headers)
        elif (start := int(asked[1])) >= len(content):
            self._send(416, b"", {**headers, "Content-Range": f"bytes */{len(content)}"})
        else:
            stop = min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{stop}/{len(content)}"
            self._send(206, content[start : stop + 1], headers)

    def _json(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up."""


def _upload(files: Mapping[str, bytes], asked: Mapping[str, Any]) -> dict[str, Any]:
    there = files.get(asked["path"])
    oid = _blob(there) if there is not None else None
    return {"path": asked["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": oid}


def _blob(content: bytes) -> str:
    """Return the id that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _described(repository: Repository, commit: str) -> dict[str, Any]:
    return {
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
        "siblings": [{"rfilename": name} for name in sorted(repository.commits[commit])],
    }


def _entry(name: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": _blob(content)}
    if name.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 128}
    return entry


def _entries(files: Mapping[str, bytes], inside: str, *, deep: bool) -> list[dict[str, Any]]:
    """List the files and folders in a folder, or all that are below it."""
    start = len(inside) + 1 if inside else 0
    found: dict[str, dict[str, Any]] = {}
    for name, content in files.items():
        if inside and not name.startswith(f"{inside}/"):
            continue
        parts = name[start:].split("/")
        for depth in range(1, len(parts)):
            above = name[:start] + "/".join(parts[:depth])
            if deep or depth == 1:
                found[above] = {"type": "directory", "path": above, "size": 0, "oid": _blob(above.encode())}
        if deep or len(parts) == 1:
            found[name] = _entry(name, content)
    return [found[path] for path in sorted(found)]


def _infos(files: Mapping[str, bytes], paths: list[str]) -> list[dict[str, Any]]:
    """Describe those of the paths that are there; the Hub is silent about the rest."""
    there = {entry["path"]: entry for entry in _entries(files, "", deep=True)}
    return [there[path] for path in (unquote(path).rstrip("/") for path in paths) if path in there]


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Serve a hub on a free port of loopback while the context is open."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
