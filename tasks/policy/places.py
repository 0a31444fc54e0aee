"""Places: where a name leads on this machine, and whether that lies in an allowed folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tasks.errors import BadEvaluation


def local(name: str) -> Path | None:
    """Return the absolute path that a name of a dataset or model leads to; None where it is a Hub's.

    Links and `..` are followed. Whatever could be taken for a path is taken for one: it looks like one, or
    something of the name is there.

    Raises:
        BadEvaluation: It can be no path, as with a line's end in it.

    >>> local("/srv/data/../models")
    PosixPath('/srv/models')
    >>> local("stanfordnlp/sst2") is None
    True
    """
    try:
        path = Path(name).expanduser()
        if name.startswith((".", "/", "~")) or name.count("/") > 1 or os.path.lexists(path):
            return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise BadEvaluation(f"{name[:200]!r} can be no path on this machine: {_why(error)}.") from error
    return None


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).partition("\n")[0].rstrip(".").lower()


def exists(text: str) -> bool:
    """Tell whether a text is the path of something on this machine.

    >>> exists("/"), exists("/no/such/thing"), exists("~nobody-of-that-name/x")
    (True, False, False)
    """
    try:
        return os.path.lexists(Path(text).expanduser())
    except (OSError, RuntimeError, ValueError):
        return False


def within(path: Path, folders: Iterable[Path]) -> bool:
    """Tell whether an absolute path is one of some folders or lies in one.

    >>> within(Path("/srv/data/a.csv"), [Path("/srv/data")]), within(Path("/srv/data2"), [Path("/srv/data")])
    (True, False)
    """
    return any(path == folder or folder in path.parents for folder in folders)


def leading_out(path: Path, folders: Iterable[Path]) -> Path | None:
    """Return a link below a folder that leads out of the allowed folders; None where none does.

    Args:
        path: The folder, absolute; a file holds no links.
        folders: The allowed folders.
    """
    allowed = tuple(folders)
    for here, inside, files in os.walk(path):
        for name in (*inside, *files):
            each = Path(here) / name
            if each.is_symlink() and not within(each.resolve(), allowed):
                return each
    return None
