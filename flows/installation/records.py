"""What the installation writes down: what was asked for, what is to run, and what runs.

Everything lies in one folder of the data folder that only its owner may read: the parts' environments hold
the database's password.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.installation.parts import Part, parse
from tasks import home

LOCK = "supervisor.lock"
WANTED = "wanted"
"""There while the installation is to run: whoever finds it gone stops."""


def folder() -> Path:
    """Return the installation's folder, made when it is not there."""
    made = home.home() / "installation"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def logs() -> Path:
    """Return the folder of the logs, made when it is not there."""
    made = home.home() / "logs"
    made.mkdir(exist_ok=True)
    return made


def log_of(part: str) -> Path:
    """Return a part's log."""
    return logs() / f"{part}.log"


def lock() -> Path:
    """Return the file that the one supervisor holds locked for as long as it lives."""
    return folder() / LOCK


def write(name: str, content: Any) -> None:
    """Write a file of the folder, whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=folder(), delete=False, encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    os.replace(file.name, folder() / name)


def read(name: str) -> Any:
    """Read a file of the folder; None where there is none."""
    try:
        return json.loads((folder() / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def write_parts(parts: Sequence[Part]) -> None:
    """Write down what is to run, in the order in which it is started."""
    write("parts.json", [part.plain() for part in parts])


def read_parts() -> list[Part]:
    """Read what is to run; nothing where nothing was ever asked for."""
    return [parse(each) for each in read("parts.json") or []]


def want(wanted: bool) -> None:
    """Say whether the installation is to run."""
    if wanted:
        write(WANTED, True)
    else:
        (folder() / WANTED).unlink(missing_ok=True)


def is_wanted() -> bool:
    """Tell whether the installation is to run."""
    return (folder() / WANTED).exists()
