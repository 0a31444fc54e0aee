"""Shared rows: which rows of two evaluations are the same ones.

Rows of one split at one revision are told by their numbers in it, also where one evaluation took a sample or
a slice.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import BadEvaluation
from tasks.load import RowsReference, open_rows

_SLICE = re.compile(r"(?P<base>[^\[]+)\[(?P<start>\d*):(?P<stop>\d*)\]")


def unsampled(rows: RowsReference) -> RowsReference:
    """Return the whole split that rows are of."""
    return replace(rows, split=rows.split.partition("[")[0], limit=None, seed=0, rows=None, notes=())


def numbers(rows: RowsReference) -> list[int]:
    """Return the number of each row in its whole split, in order.

    Raises:
        BadEvaluation: They cannot be told, as of a sample drawn from a stream.
    """
    if rows.streamed and rows.limit:
        raise BadEvaluation(
            f"The rows of '{rows.name}' are a sample of a stream, whose place in the split nobody knows; "
            "they can be compared with the same sample only."
        )
    cut = slice(None)
    if "[" in rows.split and rows.filters:
        raise BadEvaluation(
            f"The rows of '{rows.name}' are a filtered slice, whose places in the split are not kept; they "
            "can be compared with the same rows only."
        )
    if "[" in rows.split:
        found = _SLICE.fullmatch(rows.split)
        if not found:
            raise BadEvaluation(
                f"The split '{rows.split}' is no slice of whole rows; it can be compared with itself only."
            )
        cut = slice(*(int(found[end]) if found[end] else None for end in ("start", "stop")))
    whole = list(range(len(open_rows(unsampled(rows)))))[cut]
    if rows.limit and rows.limit < len(whole):
        kept = sorted(random.Random(rows.seed).sample(range(len(whole)), rows.limit))
        whole = [whole[each] for each in kept]
    return whole


def difference(one: RowsReference, other: RowsReference) -> str:
    """Say in what two evaluations' rows differ, beyond sample and slice; nothing where in nothing."""
    if one.source.kind != other.source.kind or (
        one.source.kind == "hub" and one.source.place != other.source.place
    ):
        return f"the dataset ({one.source.name} and {other.source.name})"
    if one.config != other.config:
        return f"the dataset's config ({one.config} and {other.config})"
    if one.revision != other.revision:
        if one.source.name != other.source.name:
            return f"the dataset ({one.source.name} and {other.source.name})"
        return f"the dataset's revision ({one.revision[:12]} and {other.revision[:12]})"
    if unsampled(one).split != unsampled(other).split:
        return f"the split ({one.split} and {other.split})"
    if one.filters != other.filters:
        return "the dataset's filters"
    alike = replace(other, source=one.source, streamed=one.streamed, columns=one.columns)
    return "" if unsampled(one) == unsampled(alike) else "which rows were chosen"


def renumbered(table: pa.Table, places: dict[int, int]) -> pa.Table:
    """Return the rows of a table of predictions that have a place among other rows, numbered by it.

    >>> renumbered(pa.table({"row": [0, 1, 2], "label": ["a", "b", "c"]}), {2: 0, 0: 1}).to_pylist()
    [{'row': 0, 'label': 'c'}, {'row': 1, 'label': 'a'}]
    """
    new = pa.array([places.get(row) for row in table["row"].to_pylist()], pa.int64())
    moved = table.set_column(table.column_names.index("row"), "row", new)
    return moved.filter(pc.is_valid(moved["row"])).sort_by("row")
