"""Archives that anyone may write: nothing lands elsewhere, and a small one fills no disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tasks.data import archives
from tasks.errors import BadEvaluation, Refused
from tasks.load import load, open_rows
from tasks.spec import Dataset

ZEROS = 300 * 2**20


def zipped(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def tarred(path: Path, *members: tuple[str, bytes, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            archive.addfile(info, io.BytesIO())
    return path


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\..\\x", "c:/x"])
def test_members_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    for path in (
        zipped(tmp_path / "a.zip", ("fine.txt", b"x", 0), (name, b"x", 0)),
        tarred(tmp_path / "a.tar.gz", (name, tarfile.REGTYPE, "")),
    ):
        with pytest.raises(
            Refused, match=rf"The archive '{path.name}' has a member '.*' that leads out of it"
        ):
            archives.check(path)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x"])
def test_links_that_lead_out_are_refused_and_those_within_are_not(target: str, tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with pytest.raises(Refused, match=r"has a link 'l' that leads out of it"):
            archives.check(tarred(tmp_path / "a.tar.gz", ("l", kind, target)))
    archives.check(tarred(tmp_path / "b.tar.gz", ("x", tarfile.REGTYPE, ""), ("l", tarfile.SYMTYPE, "x")))
    linked = zipped(tmp_path / "a.zip", ("l", target.encode(), stat.S_IFLNK | 0o777))
    with pytest.raises(Refused, match="that is no file"):
        archives.check(linked)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has a member 'd' that is no file"):
        archives.check(tarred(tmp_path / "a.tar.gz", ("d", kind, "")))


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as opened:
        for _ in range(ZEROS // 2**20):
            opened.write(bytes(2**20))
    return path


@pytest.mark.parametrize(
    ("name", "packed"),
    [("x.csv.gz", gzip.compress), ("x.csv.bz2", bz2.compress), ("x.csv.xz", lzma.compress)],
)
def test_a_stream_that_unpacks_to_far_more_is_refused(
    name: str, packed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    # Each of these formats may be several streams one after another.
    path.write_bytes(packed(bytes(ZEROS // 10)) * 10)
    with pytest.raises(Refused, match=rf"unpacks to more than {archives.FREE}, more than an honest one"):
        archives.check(path)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unpacks to more than"):
        archives.check(bomb(tmp_path / "a.zip"))


def test_an_archive_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("x", b"x" * 5000, 0))
    archives.check(path, free=5000)
    with pytest.raises(Refused, match="than fits on the disk"):
        archives.check(path, free=4999)


def test_kinds_that_cannot_be_looked_through_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    rar = tmp_path / "a.rar"
    rar.write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(100))
    with pytest.raises(Refused, match="cannot be checked before it is unpacked"):
        archives.check(rar)
    cut = tmp_path / "a.csv.xz"
    cut.write_bytes(lzma.compress(os.urandom(1000))[:500])
    with pytest.raises(BadEvaluation, match=r"The archive 'a\.csv\.xz' is damaged"):
        archives.check(cut)


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, format="PNG")
    return buffer.getvalue()


def test_a_datasets_archives_are_checked_before_any_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "one.png").write_bytes(picture())
    fine = zipped(folder / "more.zip", ("two.png", picture(), 0))
    assert len(open_rows(load(Dataset(path=str(folder)), seed=0))) == 2
    fine.unlink()
    bomb(folder / "large.zip")
    with pytest.raises(Refused, match=r"The archive 'large\.zip'"):
        load(Dataset(path=str(folder)), seed=0)


def test_a_packed_table_is_read_and_a_packed_bomb_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "note.csv").write_text("text,label\na,b\n", encoding="utf-8")
    (folder / "more.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"a,b\n" * 10))
    assert len(open_rows(load(Dataset(path=str(folder)), seed=0))) == 11
    (folder / "more.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"a,b\n" * (ZEROS // 4)))
    with pytest.raises(Refused, match=r"The archive '.*' has .* bytes and unpacks to more than"):
        load(Dataset(path=str(folder)), seed=0)
