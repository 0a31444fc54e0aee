"""Where rows come from: telling a Hub dataset, a file and a folder apart, and a digest of local ones."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tasks.errors import BadEvaluation, NotFound, listing, nearest

BUILDERS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"}

_CACHE = re.compile(r"cache-[0-9a-f]+\.arrow")

Kind = Literal["hub", "file", "saved", "images", "sounds", "files"]


@dataclass(frozen=True)
class Source:
    """Where a dataset lies: its kind, its Hub id or absolute path, and the name people know it by."""

    kind: Kind
    place: str
    name: str


def locate(path: str) -> Source:
    """Tell what a dataset's `path` points to, without opening it.

    Raises:
        NotFound: It looks like a local path and nothing is there.
        BadEvaluation: It is a file of a kind that cannot be read.

    >>> locate("stanfordnlp/sst2").kind
    'hub'
    """
    local = Path(path).expanduser()
    if local.is_file():
        if local.suffix.lower() not in BUILDERS:
            raise BadEvaluation(
                f"The file '{path}' cannot be read as a dataset; files that can end in: {listing(BUILDERS)}."
            )
        return Source("file", str(local.resolve()), local.stem)
    if local.is_dir():
        return Source(_kind_of_folder(local), str(local.resolve()), local.resolve().name)
    if path.startswith((".", "/", "~")) or path.count("/") > 1 or local.suffix.lower() in BUILDERS:
        raise NotFound(f"There is no dataset at '{path}'{beside(local)}.")
    return Source("hub", path, path)


def _kind_of_folder(folder: Path) -> Kind:
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        return "saved"
    endings = {path.suffix.lower() for path in folder.rglob("*") if path.is_file()}
    if endings & set(BUILDERS) - {".json"} and not endings & (IMAGES | SOUNDS):
        return "files"
    if endings & IMAGES:
        return "images"
    if endings & SOUNDS:
        return "sounds"
    if endings & set(BUILDERS):
        return "files"
    raise BadEvaluation(
        f"The folder '{folder}' holds no dataset: no saved dataset, no data files "
        f"({listing(BUILDERS)}), no images and no sounds."
    )


def beside(path: Path) -> str:
    """Say what lies where a missing path was looked for."""
    if not path.parent.is_dir():
        return ""
    there = sorted(each.name for each in path.parent.iterdir() if not each.name.startswith("."))
    close = nearest(path.name, there)
    hint = f". Did you mean '{path.parent / close}'?" if close else ""
    return f"; there are: {listing(there)}{hint}".rstrip(".")


def digest(place: str | Path) -> str:
    """Return a SHA-256 over the names and contents of a file, or of every file below a folder.

    Hidden files do not count, nor what the datasets library keeps beside a saved dataset for itself, so
    that looking at data changes nothing.
    """
    root = Path(place)
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    total = hashlib.sha256()
    for path in files:
        name = path.name if path == root else path.relative_to(root).as_posix()
        if any(part.startswith(".") for part in Path(name).parts) or _CACHE.fullmatch(path.name):
            continue
        with path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()
