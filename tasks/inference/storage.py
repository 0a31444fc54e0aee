"""Storage: where predictions are kept, any fsspec URL, and writes to it that are whole or not at all."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from typing import Any

import fsspec

from tasks.errors import BadEvaluation, NoAccess, NotFound, OutOfReach, UserError, nearest

OBJECTS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})
"""Stores of objects: one that is put there is there whole or not at all, and there are no folders to make."""

EXTRAS = {"s3": "pip install 'assay[s3]'", "s3a": "pip install 'assay[s3]'"}
"""How to install what reads a kind of storage, for those that Assay has an extra for."""


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of an fsspec URL, and the path on it.

    What it lists is never remembered: other machines write there too.

    Raises:
        BadEvaluation: There is no such kind of storage, or what reads it is not installed.
    """
    protocol = url.partition("://")[0]
    try:
        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        how = EXTRAS.get(protocol, str(error))
        raise BadEvaluation(f"The chunk store '{url}' cannot be opened here: {how}.") from error
    except ValueError as error:
        near = nearest(protocol, fsspec.available_protocols())
        hint = f" Did you mean '{near}://'?" if near else ""
        raise BadEvaluation(
            f"The chunk store '{url}' is no kind of storage that is known, as a folder or s3://bucket/folder "
            f"is.{hint}"
        ) from error
    return files, root.rstrip("/")


def check(url: str) -> None:
    """Write a small file and remove it, so that a store that cannot be used is known before a model loads.

    Raises:
        BadEvaluation: There is no such kind of storage, or what reads it is not installed.
        NotFound: The bucket is not there.
        NoAccess: There is no right to write there, or there are no credentials.
        OutOfReach: It does not answer.
    """
    files, root = opened(url)
    probe = f"{root}/.{uuid.uuid4().hex}.part"
    try:
        if not holds_objects(files):
            files.makedirs(root, exist_ok=True)
        files.pipe_file(probe, b"assay")
        files.rm_file(probe)
    except Exception as error:
        raise _told(url, error) from error


def _told(url: str, error: Exception) -> UserError:
    said = " ".join(str(error).split())[:300].rstrip(".")
    if isinstance(error, FileNotFoundError):
        return NotFound(f"The chunk store '{url}' is not there: {said}.")
    if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
        return NoAccess(f"The chunk store '{url}' may not be written to: {said}.")
    return OutOfReach(f"The chunk store '{url}' cannot be used: {type(error).__name__}: {said}.")


def holds_objects(files: Any) -> bool:
    """Tell whether a file system is a store of objects rather than of files in folders."""
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    return bool(protocols & OBJECTS)


def put(files: Any, path: str, content: bytes) -> None:
    """Write a file that is there whole or not at all, replacing one that is there."""
    if holds_objects(files):
        files.pipe_file(path, content)
        return
    folder = path.rpartition("/")[0]
    files.makedirs(folder, exist_ok=True)
    temporary = f"{folder}/.{uuid.uuid4().hex}.part"
    try:
        files.pipe_file(temporary, content)
        files.mv(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            files.rm_file(temporary)
        raise


def create(files: Any, path: str, content: bytes) -> bool:
    """Write a small file unless there is one; return whether this call wrote it.

    Of several callers at once one is told so: folders refuse a second file of a name, and S3 a second object
    (`If-None-Match`). Where storage cannot refuse, two may be told so.
    """
    if not holds_objects(files):
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
    try:
        if "file" in files.protocol:
            _linked(path, content)
        else:
            files.pipe_file(path, content, mode="create")
    except FileExistsError:
        return False
    return True


def _linked(path: str, content: bytes) -> None:
    """Write a new file of this machine that is never seen without its content.

    Raises:
        FileExistsError: There is one of that name.
    """
    unfinished = f"{path}.{uuid.uuid4().hex}"
    with open(unfinished, "xb") as file:
        file.write(content)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:
        # A disk that knows no links: the file may then be seen empty for a moment.
        with open(path, "xb") as file:
            file.write(content)
    finally:
        os.unlink(unfinished)
