"""Row digests: rows of two versions of a dataset told to be the same by content, wherever they stand."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.data.references import references
from tasks.inference.chunks import ChunkStore, key_of
from tasks.load import open_rows
from tasks.plan import Plan
from tasks.types.nesting import roots, values

NOTE = "digests"
BLOCK = 256
"""Rows read at a time."""


@dataclass(frozen=True)
class RowDigests:
    """A digest of each row, in the order of rows.

    Attributes:
        inputs: Of what a model sees.
        whole: Of that and of what is right.
    """

    inputs: Sequence[str]
    whole: Sequence[str]


def digests(plan: Plan) -> RowDigests:
    """Read every row and return its digests; labels count by name, pictures and sounds by their bytes."""
    opened, kind, columns = open_rows(plan.rows), plan.kind, plan.mapping.columns
    names = [name for name in kind.inputs if name in columns]
    needed = sorted({each for name in names for each in roots(columns[name], opened.column_names)})
    chosen = opened.select_columns(needed)
    right = references(opened, plan.mapping, [name for name in kind.references if name not in names])
    inputs, whole = [], []
    for start in range(0, len(opened), BLOCK):
        there = chosen[start : start + BLOCK]
        given = {name: values(there, columns[name]) for name in names}
        for place in range(min(BLOCK, len(opened) - start)):
            of_inputs = _digest([given[name][place] for name in names])
            inputs.append(of_inputs)
            whole.append(_digest([of_inputs, *(right[name][start + place] for name in right)]))
    return RowDigests(inputs, whole)


def _digest(content: Any) -> str:
    written = json.dumps(_content(content), default=_plain, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(written.encode(), digest_size=12).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return hashlib.blake2b(value, digest_size=12).hexdigest()
    return repr(value)


def _content(value: Any) -> Any:
    """Return a value with a picture or sound as its bytes, whatever its file is called."""
    if isinstance(value, Mapping):
        if set(value) == {"bytes", "path"}:
            content = value["bytes"]
            if content is None and value["path"]:
                content = Path(value["path"]).read_bytes()
            return content
        return {name: _content(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_content(each) for each in value]
    return value


def keep(store: ChunkStore, plan: Plan) -> RowDigests:
    """Return the digests of a plan's rows, kept beside its predictions so that they are found once."""
    known = kept(store, plan)
    if known is None:
        known = digests(plan)
        store.note(
            NOTE,
            {"columns": _columns(plan), "inputs": list(known.inputs), "whole": list(known.whole)},
        )
    return known


def kept(store: ChunkStore, plan: Plan) -> RowDigests | None:
    """Return the digests that lie beside predictions; None where there are none of these columns."""
    found = store.noted(NOTE)
    if found is None or found["columns"] != _columns(plan):
        return None
    return RowDigests(found["inputs"], found["whole"])


def _columns(plan: Plan) -> str:
    """Return what digests depend on beside the rows: which columns they are of."""
    return key_of({"task": plan.kind.name, "columns": dict(plan.mapping.columns)})


def matched(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return the old row of each new row that is the same; of equal rows, the first goes with the first.

    >>> matched(["a", "b", "b"], ["b", "c", "a", "b", "b"])
    {0: 1, 2: 0, 3: 2}
    """
    there: defaultdict[str, list[int]] = defaultdict(list)
    for row in reversed(range(len(old))):
        there[old[row]].append(row)
    return {row: there[digest].pop() for row, digest in enumerate(new) if there.get(digest)}


def found_again(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return an old row for each new row that is the same as one, however often it comes.

    >>> found_again(["a", "b"], ["b", "b", "c"])
    {0: 1, 1: 1}
    """
    there = {digest: row for row, digest in enumerate(old)}
    return {row: there[digest] for row, digest in enumerate(new) if digest in there}
