"""Archives: looked through before anything is unpacked.

`datasets` unpacks archives of a dataset's repository or folder, and leaves out members whose paths lead out
of the folder. It unpacks whatever else is in them: a few kilobytes can become a full disk, and a tar file can
hold devices. So every archive passes here first, by the one object through which `datasets` unpacks.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.errors import BadEvaluation, Refused

MOST_MEMBERS = 5_000_000
FREE = 256 * 2**20
"""Bytes that may come out of any archive, however small it is."""
MOST_TIMES = 200
"""How many times larger than the archive what comes out of it may be: text is packed some tenfold."""
_BLOCK = 2**20
_STREAMS: Mapping[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_UNSEEN = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
"""Of RAR, 7z, Zstandard and LZ4, which `datasets` unpacks with packages that are not ours."""


def check(path: Path, free: int | None = None) -> None:
    """See that an archive can be unpacked without harm; any other file passes.

    Args:
        path: The file.
        free: Bytes that fit on the disk; left out, asked of the disk that holds the file.

    Raises:
        Refused: It has members that lead elsewhere or are no files, too many of them, too large ones, or is
            of a kind that cannot be looked through.
        BadEvaluation: It is damaged.
    """
    try:
        _check(path, free)
    except (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise BadEvaluation(f"The archive '{path.name}' is damaged: {error}.") from error


def _check(path: Path, free: int | None) -> None:
    with path.open("rb") as opened:
        beginning = opened.read(8)
    if beginning.startswith(_UNSEEN):
        raise Refused(
            f"The archive '{path.name}' is of a kind whose contents cannot be checked before it is unpacked "
            "(RAR, 7z, Zstandard, LZ4); pack it as .zip or .tar.gz."
        )
    most = most_unpacked(path, shutil.disk_usage(path.parent).free if free is None else free)
    if zipfile.is_zipfile(path) and beginning.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            _members(
                path, ((each.filename, _kind(each), each.file_size) for each in archive.infolist()), most
            )
        return
    for magic, reader in _STREAMS.items():
        if beginning.startswith(magic):
            _unpacked(path, reader, most)
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as packed:
            _members(path, (_tarred(path, each) for each in packed), most)


def most_unpacked(path: Path, free: int) -> int:
    """Return the bytes that may come out of a file: what an honest one holds, and what fits on the disk."""
    return min(max(FREE, MOST_TIMES * path.stat().st_size), free)


def _kind(member: zipfile.ZipInfo) -> int:
    """Return the kind of a member as Unix states it; one packed elsewhere states none and is a file."""
    return stat.S_IFMT(member.external_attr >> 16) or (stat.S_IFDIR if member.is_dir() else stat.S_IFREG)


def _tarred(path: Path, member: tarfile.TarInfo) -> tuple[str, int, int]:
    if member.issym() or member.islnk():
        base = PurePosixPath(member.name).parent if member.issym() else PurePosixPath()
        if leads_out(str(base / member.linkname)):
            raise Refused(
                f"The archive '{path.name}' has a link '{member.name[:200]}' that leads out of it, to "
                f"'{member.linkname[:200]}'; it was not unpacked."
            )
        return member.name, stat.S_IFREG, 0
    return member.name, stat.S_IFREG if member.isfile() or member.isdir() else 0, member.size


def _members(path: Path, members: Iterable[tuple[str, int, int]], most: int) -> None:
    """See that members stay within their folder and the limits; none is unpacked."""
    total = 0
    for count, (name, kind, size) in enumerate(members, 1):
        if leads_out(name):
            raise Refused(
                f"The archive '{path.name}' has a member '{name[:200]}' that leads out of it; it was not "
                "unpacked."
            )
        if kind not in {stat.S_IFREG, stat.S_IFDIR}:
            raise Refused(
                f"The archive '{path.name}' has a member '{name[:200]}' that is no file; it was not unpacked."
            )
        total += size
        if total > most:
            raise _too_large(path, most)
        if count > MOST_MEMBERS:
            raise Refused(
                f"The archive '{path.name}' has more than {MOST_MEMBERS} members; it was not unpacked."
            )


def _unpacked(path: Path, reader: Callable[[Path], Any], most: int) -> None:
    """See how much comes out of a compressed stream, keeping none of it."""
    # No kind packs more than a thousandfold but bzip2 and xz; what it says of itself may be a lie.
    if reader is _STREAMS[b"\x1f\x8b"] and path.stat().st_size * 1032 < min(most, FREE):
        return
    total = 0
    with reader(path) as stream:
        while block := stream.read(_BLOCK):
            total += len(block)
            if total > most:
                raise _too_large(path, most)


def _too_large(path: Path, most: int) -> Refused:
    return Refused(
        f"The archive '{path.name}' has {path.stat().st_size} bytes and unpacks to more than {most}, more "
        "than an honest one does or more than fits on the disk; it was not unpacked."
    )


def leads_out(name: str) -> bool:
    """Tell whether a member's path leads out of the folder it is unpacked in.

    >>> leads_out("a/../b.txt"), leads_out("../b.txt"), leads_out("/etc/passwd"), leads_out("c:\\\\x")
    (False, True, True, True)
    """
    parts: list[str] = []
    path = name.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or "\0" in path:
        return True
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return True
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return False
