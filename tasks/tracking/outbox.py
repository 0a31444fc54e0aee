"""The outbox: what evaluations have found and MLflow does not hold yet, below `ASSAY_HOME`.

```
outbox/<attempt>/          one evaluation, from its start until MLflow holds all of it
  lock                     held by the process that works on it; the system lets go of it when that dies
  attempt.json             what it evaluates and which MLflow it is for
  evaluation/              the record of the parent run
  runs/<key>/              the record of each model's run
```

A record is written here first and sent then, so that a server that is down, or a process that is killed,
loses nothing: the same evaluation, started again, goes on in the same runs, and any other command that tracks
sends what is left.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from filelock import BaseFileLock, FileLock, Timeout

from tasks import home
from tasks.errors import AssayError
from tasks.tracking import delivery, records
from tasks.tracking.mlflow_store import client
from tasks.tracking.records import CONTENT, SENT, Record

RESUMABLE = 7 * 24 * 3600.0
"""Seconds for which an evaluation that was stopped can go on in its own runs."""
SETTLING = 600.0
"""Seconds that another process may hold an attempt's lock: to look whether it is left behind, or until it
notices that it has lost the run."""
LOCK = "lock"
ABOUT = "attempt.json"
PARENT = "evaluation"
RUNS = "runs"

_held: dict[str, BaseFileLock] = {}


class Occupied(AssayError):
    """Two processes are at work on one attempt."""


def box() -> Path:
    """Return the folder of attempts."""
    return home.home() / "outbox"


def address() -> str:
    """Return where MLflow is, without a user's name and password."""
    parts = urlsplit(home.tracking_uri())
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, *parts[2:])) if parts.netloc else home.tracking_uri()


def folder_of(attempt: str) -> Path:
    """Return the folder of an attempt."""
    return box() / attempt


def runs_of(attempt: str) -> list[Path]:
    """Return the folders of the records of an attempt's models."""
    return sorted(path.parent for path in (folder_of(attempt) / RUNS).glob(f"[!.]*/{CONTENT}"))


def open_attempt(evaluation: str, name: str | None) -> tuple[str, bool]:
    """Take an attempt at an evaluation for this process: one that was stopped, else a new one.

    Args:
        evaluation: A digest of everything that is evaluated.
        name: The attempt's name where it is known, as that of a run that Prefect retries.

    Returns:
        Its name, and whether there was one.

    Raises:
        Occupied: Another process works on the very attempt.
    """
    for folder in _left():
        about = records.read(folder, ABOUT) or {}
        if about.get("evaluation") != evaluation or about.get("address") != address():
            continue
        ended = records.after(folder / PARENT).status not in (None, "KILLED")
        if ended and about.get("closed") and folder.name != name:
            continue
        if time.time() - float(about["began"]) < RESUMABLE and _lock(folder):
            records.write(folder, ABOUT, {**about, "closed": False})
            return folder.name, True
    attempt = name or uuid.uuid4().hex
    folder = folder_of(attempt)
    known = (folder / ABOUT).exists()
    folder.mkdir(parents=True, exist_ok=True)
    if not _lock(folder, SETTLING) and attempt not in _held:
        raise Occupied(
            "Another process of this machine is at work on the same run; one of the two has to end."
        )
    if not known:
        records.write(folder, ABOUT, {"evaluation": evaluation, "address": address(), "began": time.time()})
    return attempt, known


def close(attempt: str) -> None:
    """Let go of an attempt; one that is over and wholly in MLflow leaves the disk."""
    folder = folder_of(attempt)
    status = records.after(folder / PARENT).status
    about = records.read(folder, ABOUT)
    if about is not None and not waiting(attempt) and status in ("FINISHED", "FAILED"):
        shutil.rmtree(folder, ignore_errors=True)
    elif about is not None:
        records.write(folder, ABOUT, {**about, "closed": True})
    lock = _held.pop(attempt, None)
    if lock is not None:
        lock.release(force=True)


def drop(attempt: str) -> None:
    """Forget an attempt that has found nothing yet."""
    shutil.rmtree(folder_of(attempt), ignore_errors=True)
    close(attempt)


def put(attempt: str, record: Record, artifacts: Path | None = None) -> Path:
    """Keep a record of an attempt, unless it is there already; return its folder."""
    folder = folder_of(attempt)
    place = folder / PARENT if record.parent is None else folder / RUNS / record.key
    if not (place / CONTENT).exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            shutil.rmtree(place)
        records.put(place, record, artifacts)
    return place


def scratch() -> Path:
    """Return a new folder to write artifacts into, on the outbox's disk."""
    box().mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".writing-", dir=box()))


def sent(place: Path) -> str | None:
    """Return the run that holds all of a record; None where something is still to be sent."""
    known = records.read(place, SENT)
    return str(known["run_id"]) if known else None


def experiment_of(place: Path) -> str:
    """Return the experiment that a sent record's run is in; empty where it is not sent."""
    return str((records.read(place, SENT) or {}).get("experiment_id", ""))


def tell(place: Path, told: records.After) -> None:
    """Keep what a record's run is to be told, so that it is sent, again if need be."""
    before = records.after(place)
    both = records.After(
        {**before.tags, **told.tags}, told.status or before.status, {**before.views, **told.views}
    )
    if both != before:
        (place / SENT).unlink(missing_ok=True)
        records.write(place, records.AFTER, asdict(both))


def attach(place: Path, made: Path) -> None:
    """Add artifacts to a record from a folder on the outbox's disk; each is there whole or not at all."""
    artifacts = place / records.ARTIFACTS
    artifacts.mkdir(exist_ok=True)
    for file in made.iterdir():
        os.replace(file, artifacts / file.name)
    (place / SENT).unlink(missing_ok=True)


def unend(place: Path) -> None:
    """Take back how a run ended, because it goes on."""
    before = records.after(place)
    (place / SENT).unlink(missing_ok=True)
    if before.status is not None:
        records.write(place, records.AFTER, asdict(replace(before, status=None)))


def waiting(attempt: str) -> list[Path]:
    """Return the folders of an attempt's records that are not wholly sent, the parent's first."""
    every = [folder_of(attempt) / PARENT, *runs_of(attempt)]
    return [place for place in every if (place / CONTENT).exists() and sent(place) is None]


def send(attempt: str) -> int:
    """Send everything of an attempt that is not sent; return how many records that were."""
    store = client()
    parent = folder_of(attempt) / PARENT
    found = waiting(attempt)
    if not found:
        return 0
    parent_run = sent(parent) or delivery.deliver(store, parent)
    for place in found:
        if place != parent:
            delivery.deliver(store, place, parent_run)
    return len(found)


def unfinished_keys() -> set[str]:
    """Return the keys of the runs that will yet be finished from this disk."""
    return {
        record.key
        for folder in _attempts()
        for place in waiting(folder.name)
        if (record := records.take(place)) is not None
    }


def left_behind() -> list[str]:
    """Return the attempts at this MLflow that no process works on and that have something to send."""
    return [folder.name for folder in _left() if waiting(folder.name) and _here(folder)]


def elsewhere() -> dict[str, int]:
    """Return how many records wait for each other MLflow, by its address."""
    found: dict[str, int] = {}
    for folder in _attempts():
        if not _here(folder) and (count := len(waiting(folder.name))):
            where = str((records.read(folder, ABOUT) or {}).get("address", ""))
            found[where] = found.get(where, 0) + count
    return found


def redirect(old: str) -> int:
    """Make what waits for another MLflow wait for this one; return how many attempts those are."""
    moved = 0
    for folder in _attempts():
        about = records.read(folder, ABOUT) or {}
        if about.get("address") == old and _lock(folder):
            records.write(folder, ABOUT, {**about, "address": address()})
            for place in [folder / PARENT, *runs_of(folder.name)]:
                if (place / records.ARTIFACTS).exists() or place.name == PARENT:
                    (place / SENT).unlink(missing_ok=True)
            close(folder.name)
            moved += 1
    return moved


def send_left_behind() -> int:
    """Send what stopped processes left, ending their parent runs as KILLED; return how many records.

    What is old and wholly sent leaves the disk.
    """
    count = 0
    for folder in _left():
        if not _here(folder) or not _lock(folder):
            continue
        try:
            if (folder / PARENT / CONTENT).exists() and records.after(folder / PARENT).status is None:
                tell(folder / PARENT, records.After(status="KILLED"))
            count += send(folder.name)
            about = records.read(folder, ABOUT) or {}
            if time.time() - float(about.get("began", 0)) > RESUMABLE:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            close(folder.name)
    return count


def _here(folder: Path) -> bool:
    return (records.read(folder, ABOUT) or {}).get("address") == address()


def _attempts() -> Iterator[Path]:
    if box().is_dir():
        yield from sorted(path for path in box().iterdir() if path.is_dir() and path.name[0] != ".")


def _left() -> Iterator[Path]:
    """Yield the attempts that no process works on."""
    for folder in _attempts():
        if folder.name in _held:
            continue
        if _lock(folder):
            _held.pop(folder.name).release(force=True)
            yield folder


def _lock(folder: Path, longest: float = 0.0) -> bool:
    """Take an attempt for this process; False where another has it, or this one already.

    Args:
        folder: The attempt's.
        longest: Seconds to wait for another process to let go of it.
    """
    if folder.name in _held:
        return False
    lock = FileLock(folder / LOCK, timeout=longest, thread_local=False)
    with suppress(Timeout):
        lock.acquire()
        _held[folder.name] = lock
        return True
    return False
