"""A part of the installation: one process, what it needs, and how one knows that it works."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """One process of the installation.

    Attributes:
        name: Of its log too.
        command: What is run.
        environment: Laid over the environment of who starts it.
        needs: Parts that must work before it is started.
        health: A URL that answers with success, or a command that does, while the part works; nothing
            where being alive is all that is asked.
        once: Whether it is a step: it ends, and is done once it has ended well.
        ends_by: The signal that asks it to end.
        grace: Seconds it is given to end.
        leaves: Whether what it started goes on when it dies, as the runs of a worker do.
        user: The account it runs as, where that is another than one's own.
        reaches: Folders that the account must be able to get to.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    health: str | tuple[str, ...] | None = None
    once: bool = False
    ends_by: int = signal.SIGTERM
    grace: float = 30.0
    leaves: bool = False
    user: str | None = None
    reaches: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as what JSON holds."""
        return asdict(self)


def parse(given: Mapping[str, Any]) -> Part:
    """Make a part of what `Part.plain` returned.

    >>> sleep = Part("sleep", ("sleep", "9"), needs=("bed",))
    >>> parse(sleep.plain()) == sleep
    True
    """
    health = given["health"]
    tuples = {name: tuple(given[name]) for name in ("command", "needs", "reaches")}
    return Part(**{**given, **tuples, "health": tuple(health) if isinstance(health, list) else health})
