"""Secrets are files; the environment only names them.

Compose and Kubernetes both put a secret's file below /run/secrets. A value of the environment may hold
`<secret:NAME>`, and gets what the file of that name says: percent-encoded where the value is a URL, so that a
password may hold any character that can be typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

FOLDER = Path("/run/secrets")
_PLACE = re.compile(r"<secret:([A-Za-z0-9_-]+)>")


class BadSecret(Exception):
    """A secret that is named is not there, or cannot be a password."""


def expanded(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment with every secret in its place.

    Args:
        environment: Names and values.
        folder: Where the secrets' files are.

    Raises:
        BadSecret: A value names a file that is not there, is empty, or holds what no header can carry.
    """
    return {
        name: _PLACE.sub(partial(_inserted, name, "://" in value, folder), value)
        for name, value in environment.items()
    }


def _inserted(name: str, url: bool, folder: Path, place: re.Match[str]) -> str:
    secret = read(folder, place[1], name)
    return quote(secret, safe="") if url else secret


def read(folder: Path, secret: str, wanted_by: str) -> str:
    """Return what a secret's file says, without the line's end.

    Args:
        folder: Where the secrets' files are.
        secret: The file's name.
        wanted_by: What names it, for the message.

    Raises:
        BadSecret: It is not there, is empty, or holds what no header can carry: Prefect's server answers
            500 to every request when its own auth string is not ASCII.
    """
    try:
        said = (folder / secret).read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError as error:
        there = ", ".join(sorted(each.name for each in folder.glob("[!.]*"))) or "none"
        raise BadSecret(
            f"{wanted_by} names the secret '{secret}', which is not in {folder} (there: {there})."
        ) from error
    except OSError as error:
        raise BadSecret(f"The secret '{secret}' in {folder} cannot be read: {error.strerror}.") from error
    if not said:
        raise BadSecret(f"The secret '{secret}' in {folder} is empty.")
    if not (said.isascii() and said.isprintable()):
        raise BadSecret(f"The secret '{secret}' in {folder} may hold only characters of ASCII, on one line.")
    return said
