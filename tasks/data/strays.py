"""Strays: pictures and sounds of a Hub dataset that are said to be files of this machine.

A row holds a picture's bytes, or the path that `datasets` found or unpacked it at. Whoever writes a dataset
can write any path there, and the picture would be shown among a run's mistakes. So a path leads to where the
dataset's own files are, or the dataset is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import Refused

HUB = "hf://"
"""How a path begins that leads to the Hub itself, as in a stream, after what it is packed in there."""


def check(table: pa.Table, name: str, places: Sequence[str]) -> None:
    """See that the pictures and sounds of a Hub dataset's rows are its own.

    Args:
        table: Rows, media left undecoded.
        name: The dataset's.
        places: Folders of this machine that hold its files.

    Raises:
        Refused: One is said to be elsewhere; the sentence names it.
    """
    for column in table.columns:
        for part in column.chunks:
            for path in paths(part):
                if not is_own(path, places):
                    raise Refused(
                        f"The dataset '{name}' says that a picture or a sound of it is the file "
                        f"'{path[:200]}' of this machine; those of a dataset on the Hub come with it."
                    )


def is_own(path: str, places: Sequence[str]) -> bool:
    """Tell whether a path leads to the Hub, or to one of some folders.

    >>> is_own("zip://a.png::hf://datasets/a/b@main/x.zip", []), is_own("/cache/x/a.png", ["/cache"])
    (True, True)
    >>> is_own("/cache/../etc/a.png", ["/cache"]), is_own("/etc/hf://a.png", [])
    (False, False)
    """
    if path.rpartition("::")[2].startswith(HUB):
        return True
    local = path.rpartition("::")[2].removeprefix("file://")
    inside = any(local.startswith(f"{place.rstrip('/')}/") for place in places)
    return inside and ".." not in local.split("/")


def paths(values: pa.Array) -> Iterator[str]:
    """Return the paths of media whose bytes are not there.

    >>> list(paths(pa.array([{"bytes": None, "path": "/a"}, {"bytes": b"x", "path": "b"}])))
    ['/a']
    """
    kind = values.type
    if pa.types.is_struct(kind):
        fields = {kind.field(number).name: number for number in range(kind.num_fields)}
        parts = values.flatten()
        if set(fields) == {"bytes", "path"}:
            there, path = parts[fields["bytes"]], parts[fields["path"]]
            yield from (each for each in path.filter(pc.is_null(there)).to_pylist() if each)
            return
        for part in parts:
            yield from paths(part)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from paths(values.flatten())
