"""What a check finds: one line each, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "wrong", "note"]


@dataclass(frozen=True)
class Finding:
    """One line of `assay doctor`.

    Attributes:
        about: The part that was looked at.
        state: Whether it is as it should be; a note is nothing that is wrong.
        says: What was seen.
        mend: The command or step that mends it; empty where nothing is to be mended.
    """

    about: str
    state: State
    says: str
    mend: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as what JSON holds."""
        return asdict(self)


def ok(about: str, says: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(about, "ok", says)


def note(about: str, says: str, mend: str = "") -> Finding:
    """Return a finding worth knowing that is nothing wrong."""
    return Finding(about, "note", says, mend)


def wrong(about: str, says: str, mend: str) -> Finding:
    """Return a finding of something to be mended."""
    return Finding(about, "wrong", says, mend)


Check = Callable[[], Finding | Iterable[Finding]]


def look(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Run checks; one that itself fails is a finding, and stops no other.

    Args:
        checks: What each is about, and the check.

    >>> look([("sums", lambda: ok("sums", "right")), ("more", lambda: [][0])])[1].says
    'cannot be looked at: IndexError: list index out of range'
    """
    found: list[Finding] = []
    for about, check in checks:
        try:
            answer = check()
            found += [answer] if isinstance(answer, Finding) else list(answer)
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            found.append(
                wrong(about, f"cannot be looked at: {type(error).__name__}: {said}", "see ASSAY_HOME/logs")
            )
    return found
