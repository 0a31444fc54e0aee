"""Patterns: someone's regular expressions, applied to someone else's texts, in bounded time.

Some expressions take longer than the universe lasts on a text of forty letters, and Python's matcher can
neither be interrupted nor told when to stop. So they run in a process of their own, which can. This file is
also that process's program, which is why it imports nothing of the project's at its top.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence

PATIENCE = 60.0
"""Seconds, plus those of each text: an honest expression takes microseconds a text."""
PATIENCE_PER_TEXT = 0.01
MOST_MEMORY = 4 * 2**30


def extracted(text: str, pattern: re.Pattern[str]) -> str:
    """Return the last match of a pattern in a text, its first group where it has one; else the whole text.

    >>> extracted("7 apples and 3 pears: #### 10", re.compile(r"#### (\\d+)"))
    '10'
    >>> extracted("so it is 7, or rather 8", re.compile(r"\\d+"))
    '8'
    """
    last = None
    for found in pattern.finditer(text):
        last = found
    if last is None:
        return text
    return (last.group(1) if pattern.groups else last.group(0)) or ""


def without(text: str, patterns: Sequence[re.Pattern[str]]) -> str:
    """Return a text with all matches of patterns cut out, one pattern after the other.

    >>> without("a1b2", [re.compile("[0-9]"), re.compile("^a")])
    'b'
    """
    for pattern in patterns:
        text = pattern.sub("", text)
    return text


def all_extracted(expression: str, texts: Sequence[str], patience: float = PATIENCE) -> list[str]:
    """Return what an expression finds in each text, as `extracted` does.

    Raises:
        BadEvaluation: It takes too long.

    >>> all_extracted(r"\\d+", ["7 or 8", "none"])
    ['8', 'none']
    """
    return _apart("extracted", [expression], texts, patience)


def all_without(expressions: Sequence[str], texts: Sequence[str], patience: float = PATIENCE) -> list[str]:
    """Return each text with all matches of expressions cut out, as `without` does.

    Raises:
        BadEvaluation: They take too long.
    """
    return _apart("without", expressions, texts, patience) if expressions else list(texts)


def _apart(what: str, expressions: Sequence[str], texts: Sequence[str], patience: float) -> list[str]:
    from tasks.errors import BadEvaluation

    limit = patience + PATIENCE_PER_TEXT * len(texts)
    given = json.dumps([what, list(expressions), list(texts)])
    shown = " or ".join(f"'{each[:200]}'" for each in expressions)
    try:
        # Isolated: nothing of the current folder or the environment is imported.
        done = subprocess.run(
            [sys.executable, "-I", __file__],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadEvaluation(
            f"The regular expression {shown} takes more than {limit:.0f} s on {len(texts)} texts, as those "
            "with a repetition inside a repetition can; write it without."
        ) from None
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise BadEvaluation(f"The regular expression {shown} cannot be applied: {problem[:300]}.")
    found: list[str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Apply expressions to texts, from standard input to standard output."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    except (ImportError, OSError, ValueError):
        # Not every system has such limits; the time's holds everywhere.
        pass
    what, expressions, texts = json.load(sys.stdin)
    patterns = [re.compile(each) for each in expressions]
    if what == "extracted":
        found = [extracted(text, patterns[0]) for text in texts]
    else:
        found = [without(text, patterns) for text in texts]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
