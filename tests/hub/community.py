"""The Hub's community: commits, pull requests and discussions, as its HTTP API has them."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.hub.server import Repository

WRITING = threading.Lock()
"""Held while a commit is taken: numbers and branches are given out one at a time."""
NOW = "2026-01-02T03:04:05.000Z"


class Refusal(Exception):
    """A request that is refused, as the Hub refuses it."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


@dataclass
class Discussion:
    """A discussion, or a pull request whose commits lie at `refs/pr/<number>`."""

    number: int
    title: str
    author: str
    pull_request: bool
    status: str = "open"
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, author: str, data: dict[str, Any]) -> dict[str, Any]:
        """Add an event and return it."""
        identity = hashlib.sha1(f"{self.number} {len(self.events)}".encode()).hexdigest()[:24]
        event = {
            "id": identity,
            "type": kind,
            "createdAt": NOW,
            "author": {"name": author},
            "data": data,
        }
        self.events.append(event)
        return event

    @property
    def comments(self) -> list[str]:
        """The texts of the comments that can be seen, the description first."""
        return [
            each["data"]["latest"]["raw"]
            for each in self.events
            if each["type"] == "comment" and not each["data"]["hidden"]
        ]


def comment(text: str) -> dict[str, Any]:
    """Return the data of a comment."""
    return {
        "edited": False,
        "hidden": False,
        "latest": {"raw": text, "html": text, "updatedAt": NOW},
        "history": [],
    }


def described(repository: Repository, found: Discussion, *, details: bool = False) -> dict[str, Any]:
    """Describe a discussion as listings do, or with all that happened."""
    about = {
        "title": found.title,
        "num": found.number,
        "author": {"name": found.author},
        "createdAt": NOW,
        "status": found.status,
        "repo": {"name": repository.name, "type": repository.kind.rstrip("s")},
        "isPullRequest": found.pull_request,
    }
    if details:
        about |= {"events": found.events, "changes": {"base": "main"}, "filesWithConflicts": []}
    return about


def of_number(repository: Repository, number: int) -> Discussion:
    """Return a discussion by its number."""
    for each in repository.discussions:
        if each.number == number:
            return each
    raise Refusal(404, "EntryNotFound", "No such discussion")


def listed(repository: Repository, query: dict[str, list[str]]) -> dict[str, Any]:
    """List discussions, two a page."""
    status = query.get("status", ["all"])[0]
    author = query.get("author", [""])[0]
    only = query.get("type", ["all"])[0]
    kept = [
        each
        for each in reversed(repository.discussions)
        if (status == "all" or (status == "open") == (each.status in {"open", "draft"}))
        and author in {"", each.author}
        and (only == "all" or (only == "pull_request") == each.pull_request)
    ]
    start = 2 * int(query.get("p", ["0"])[0])
    page = [described(repository, each) for each in kept[start : start + 2]]
    return {"count": len(kept), "start": start, "discussions": page}


def act(repository: Repository, number: int, action: str, user: str, body: dict[str, Any]) -> dict[str, Any]:
    """Comment on a discussion, edit a comment of one's own, or open and close it."""
    found = of_number(repository, number)
    if action == "comment":
        return {"newMessage": found.add("comment", user, comment(body["comment"]))}
    if action == "merge":
        merge(repository, number)
        return {}
    if action == "status":
        found.status = body["status"]
        if body.get("comment"):
            found.add("comment", user, comment(body["comment"]))
        return {"newStatus": found.add("status-change", user, {"status": body["status"]})}
    _, identity, change = action.split("/")
    for event in found.events:
        if event["id"] == identity:
            if event["author"]["name"] != user:
                raise Refusal(403, "", "Not your comment")
            if change == "hide":
                event["data"] |= {"hidden": True, "latest": {"raw": "", "html": "", "updatedAt": NOW}}
                return {"updatedComment": event}
            event["data"]["history"].append(event["data"]["latest"])
            event["data"]["latest"] = {"raw": body["content"], "html": body["content"], "updatedAt": NOW}
            event["data"]["edited"] = True
            return {"updatedComment": event}
    raise Refusal(404, "EntryNotFound", "No such comment")


def commit(
    repository: Repository, revision: str, user: str, body: bytes, address: str, *, pull_request: bool
) -> dict[str, Any]:
    """Take a commit: onto a branch its user may write to, or as a pull request of its own."""
    base = repository.resolve(revision)
    if base is None:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    head = next(line["value"] for line in lines if line["key"] == "header")
    parent = head.get("parentCommit")
    if parent and parent != base and not pull_request:
        raise Refusal(412, "", "A commit has happened since. Please refresh and try again.")
    files = dict(repository.commits[parent or base])
    for line in lines:
        if line["key"] == "file":
            files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        elif line["key"] == "deletedFile":
            files.pop(line["value"]["path"], None)
    identity = repository.store(files)
    url = f"{address}/{'' if repository.kind == 'models' else 'datasets/'}{repository.name}"
    answer = {"commitUrl": f"{url}/commit/{identity}", "commitOid": identity}
    if pull_request:
        made = Discussion(len(repository.discussions) + 1, head["summary"], user, True)
        made.add("comment", user, comment(head.get("description") or ""))
        repository.discussions.append(made)
        answer["pullRequestUrl"] = f"{url}/discussions/{made.number}"
        branch = f"refs/pr/{made.number}"
    elif revision.startswith("refs/pr/"):
        made = of_number(repository, int(revision.rpartition("/")[2]))
        branch = revision
        if made.author != user:
            raise Refusal(403, "", "Not your pull request")
    elif user != repository.name.split("/")[0]:
        raise Refusal(403, "", "You may not write to this repository")
    else:
        repository.names[revision] = identity
        return answer
    repository.names[branch] = identity
    made.add("commit", user, {"subject": head["summary"], "oid": identity})
    return answer


def merge(repository: Repository, number: int) -> None:
    """Merge a pull request: what its owner does in a browser."""
    found = of_number(repository, number)
    repository.names["main"] = repository.names[f"refs/pr/{number}"]
    found.status = "merged"
