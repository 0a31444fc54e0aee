"""Health: whether a part answers, asked aside so that a slow answer holds up nobody."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

TIMEOUT = 20.0
"""Seconds an answer may take: on a loaded machine it takes some."""
EVERY = 5.0
"""Seconds between questions, and a fifth of it until the first answer."""
STARTING = 300.0
"""Seconds a part may take until its first answer: a new database is made meanwhile."""
SILENCES = 6
SILENCE = 120.0
"""A part is given up that did not answer so often in a row, and for so many seconds."""

_asking = ThreadPoolExecutor(8, thread_name_prefix="health")


def answers(health: str | tuple[str, ...]) -> bool:
    """Ask a part: a URL must answer with success, a command end with it."""
    if isinstance(health, tuple):
        with suppress(OSError, subprocess.SubprocessError):
            quiet = subprocess.DEVNULL
            return (
                subprocess.run(health, stdout=quiet, stderr=quiet, timeout=TIMEOUT, check=False).returncode
                == 0
            )
        return False
    with (
        suppress(OSError, urllib.error.URLError, ValueError),
        urllib.request.urlopen(health, timeout=TIMEOUT),
    ):
        return True
    return False


@dataclass
class Watch:
    """What is known of the health of one process.

    Attributes:
        health: What to ask; None where being alive is enough.
        since: When the process was started or taken over, in seconds of the monotonic clock.
        ever: Whether it has answered.
        now: Whether it answered last.
    """

    health: str | tuple[str, ...] | None
    since: float = field(default_factory=time.monotonic)
    ever: bool = False
    now: bool = False
    _silent_since: float | None = None
    _silences: int = 0
    _asked: float = 0.0
    _pending: Future[bool] | None = None

    def look(self) -> None:
        """Take the last answer in, and ask again when it is time to."""
        if self.health is None:
            self.ever = self.now = True
            return
        if self._pending is not None and self._pending.done():
            self._take(self._pending.result())
            self._pending = None
        if self._pending is None and time.monotonic() - self._asked >= (EVERY if self.now else EVERY / 5):
            self._asked = time.monotonic()
            self._pending = _asking.submit(answers, self.health)

    def _take(self, answer: bool) -> None:
        self.now = answer
        if answer:
            self.ever, self._silences, self._silent_since = True, 0, None
        else:
            self._silences += 1
            self._silent_since = self._silent_since or time.monotonic()

    def excuse(self) -> None:
        """Begin anew to count its silence: what it needs does not work."""
        self._silences, self._silent_since = 0, None
        if not self.ever:
            self.since = time.monotonic()

    def is_lost(self) -> bool:
        """Tell whether the process should be given up, though it lives."""
        if self.health is None or self.now:
            return False
        if not self.ever:
            return time.monotonic() - self.since > STARTING
        silent = time.monotonic() - (self._silent_since or time.monotonic())
        return self._silences >= SILENCES and silent > SILENCE
