"""Claims: who is at work on which chunk, so that several processes on one chunk store do not do the same.

A claim is a small file beside the chunks that names its holder, made by whoever is first. A holder is alive
while its heartbeat, another small file, changes; how long it has not is measured by the clock of the one who
looks, so clocks need not agree. On one machine a dead process is seen at once. A claim that is lost, or taken
by two, costs time and nothing else: what is predicted twice is the same, and written whole each time.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.inference import storage
from tasks.inference.chunks import Chunk, ChunkStore

BEAT = 5.0
"""Seconds between two heartbeats."""

EXPIRY = 30.0
"""Seconds without a heartbeat after which a holder counts as dead."""

GLANCE = 2.0
"""Seconds between two looks at what others have claimed and stored."""


def machine() -> str:
    """Return a name of this machine that no other has, nor itself once it is started anew."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}.{boot.read_text(encoding='ascii')[:8] if boot.is_file() else ''}"


def identity() -> str:
    """Return who this process is: machine, process id, and what tells it from an earlier one of that id."""
    return f"{machine()}_{os.getpid()}_{_started(os.getpid())}_{uuid.uuid4().hex[:8]}"


def _started(process: int) -> str:
    """Return when a process of this machine was started, by its own count; empty when it is dead."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    said = stat.rpartition(")")[2].split()
    # One that nobody has buried yet is dead all the same.
    return "" if said[0] in "ZX" else said[19]


class Claims:
    """This process's claims on the chunks of one prediction set, and what it knows of those of others."""

    def __init__(self, store: ChunkStore, expiry: float = EXPIRY) -> None:
        """Claim nothing yet.

        Args:
            store: The prediction set.
            expiry: Seconds without a heartbeat after which a holder counts as dead.
        """
        self.taken: list[Chunk] = []
        self._store, self._files = store, store.files
        self._folder = f"{store.folder}/claims"
        self._own = identity()
        self._expiry = expiry
        self._holders: dict[Chunk, str] = {}
        self._beats: dict[str, tuple[bytes, float]] = {}

    @contextmanager
    def held(self) -> Iterator[Claims]:
        """Keep the heart beating while the context is open, and let go of all claims afterwards."""
        over = threading.Event()

        def beat() -> None:
            count = 0
            while True:
                # A beat that does not arrive is what expiry is for.
                with suppress(Exception):
                    storage.put(self._files, f"{self._folder}/{self._own}.beat", str(count).encode())
                if over.wait(min(BEAT, self._expiry / 4)):
                    return
                count += 1

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()
            self._let_go()

    def free(self, chunks: Sequence[Chunk]) -> Iterator[Chunk]:
        """Yield those chunks that nobody has stored or is at work on, each claimed by then; never wait.

        Where others are at work already it begins somewhere in the middle, so as not to try after them.
        """
        there, holders, due = self._look()
        first = random.randrange(len(chunks)) if holders and chunks else 0
        for chunk in (*chunks[first:], *chunks[:first]):
            if time.monotonic() > due:
                there, holders, due = self._look()
            if chunk in there or not self._take(chunk, holders.get(chunk)):
                continue
            if self._store.holds(chunk):
                # Stored, and let go of, since the last look.
                self._let_go_of(self._place(chunk))
            else:
                self.taken.append(chunk)
                yield chunk

    def all(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield chunks whoever is at work on them, and count them as taken."""
        for chunk in chunks:
            self.taken.append(chunk)
            yield chunk

    def _take(self, chunk: Chunk, known: bool | None) -> bool:
        """Claim a chunk; `known` says whether its holder, if one was seen, is alive."""
        if known:
            return False
        path = self._place(chunk)
        if known is None and storage.create(self._files, path, self._own.encode()):
            return True
        if self._alive(self._holder(chunk)):
            return False
        storage.put(self._files, path, self._own.encode())
        return True

    def _look(self) -> tuple[set[Chunk], dict[Chunk, bool], float]:
        """Look around.

        Returns:
            The chunks that are stored, those that others are at work on with whether they are alive, and when
            to look again.
        """
        began = time.monotonic()
        claimed = self._claimed()
        # Asked for last: what was let go of in between was stored before.
        stored = set(self._store.names())
        holders = {chunk: self._holder(chunk) for chunk in claimed if chunk not in stored}
        alive = {holder: self._alive(holder) for holder in set(holders.values())}
        now = time.monotonic()
        # Where there are so many files that looking takes its time, it is done less often.
        return (
            stored,
            {chunk: alive[holder] for chunk, holder in holders.items()},
            now + max(GLANCE, 20 * (now - began)),
        )

    def _claimed(self) -> list[Chunk]:
        try:
            paths = self._files.ls(self._folder, detail=False)
        except FileNotFoundError:
            return []
        names = (path.rpartition("/")[2] for path in paths)
        found = [Chunk.named(name.replace(".claim", ".parquet")) for name in names]
        mine = set(self.taken)
        return [chunk for chunk in found if chunk is not None and chunk not in mine]

    def _holder(self, chunk: Chunk) -> str:
        """Return who holds a claim, empty when nobody does."""
        known = self._holders.get(chunk)
        if known and self._alive(known):
            return known
        try:
            held: bytes = self._files.cat_file(self._place(chunk))
        except OSError:
            return ""
        self._holders[chunk] = held.decode(errors="replace")
        return self._holders[chunk]

    def _alive(self, holder: str) -> bool:
        """Tell whether a holder is at work: by its process where that is on this machine, or by its heart."""
        if holder == self._own or not holder:
            return False
        where, _, rest = holder.partition("_")
        if where == machine():
            process, _, more = rest.partition("_")
            return process.isdecimal() and _started(int(process)) == more.partition("_")[0] != ""
        try:
            beat: bytes = self._files.cat_file(f"{self._folder}/{holder}.beat")
        except OSError:
            beat = b""
        now = time.monotonic()
        last, since = self._beats.setdefault(holder, (beat, now))
        if beat != last:
            self._beats[holder] = beat, now
            return True
        return now - since < self._expiry

    def _let_go(self) -> None:
        for path in (*map(self._place, self.taken), f"{self._folder}/{self._own}.beat"):
            self._let_go_of(path)

    def _let_go_of(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(path)

    def _place(self, chunk: Chunk) -> str:
        """Return where the claim on a chunk lies; it is not to be taken for the chunk."""
        return f"{self._folder}/{chunk.name.replace('.parquet', '.claim')}"
