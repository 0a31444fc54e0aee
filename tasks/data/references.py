"""References: what is right, read from the dataset by canonical column, labels and tags as names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.columns import ColumnMapping, feature_kind
from tasks.types.labels import named
from tasks.types.nesting import leaves, read

if TYPE_CHECKING:
    import datasets


MOST_SHARED = 10_000
"""Distinct strings of a column beyond which nothing is gained by keeping equal ones as one object."""


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as a list, equal strings as one object: the labels of a million rows are a few strings.

    >>> a, b = plain(pa.chunked_array([["spam"], ["spam"]]))
    >>> a is b
    True
    """
    values: list[Any] = []
    shared: dict[str, str] = {}
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    for chunk in column.chunks:
        fresh = chunk.to_pylist()
        few = text and len(shared) < MOST_SHARED
        values.extend([shared.setdefault(value, value) for value in fresh] if few else fresh)
    return values


def references(
    rows: datasets.Dataset, mapping: ColumnMapping, names: Sequence[str], keep: Sequence[int] | None = None
) -> dict[str, list[Any]]:
    """Return reference columns by canonical name, labels and tags as names.

    Args:
        rows: The dataset's rows.
        mapping: Canonical column -> dataset column.
        names: The canonical columns wanted; those that no dataset column feeds are left out.
        keep: Row numbers, in order; None for all.
    """
    found: dict[str, list[Any]] = {}
    features = leaves(rows.features)
    for name in names:
        if name not in mapping.columns:
            continue
        column = mapping.columns[name]
        # Several columns as one list a row are texts: their values are what they are.
        feature = features.get(column)
        if column in rows.column_names:
            chosen = rows.select_columns([column])
            whole = (chosen.select(keep) if keep is not None else chosen).with_format("arrow")[:]
            values = plain(whole[column])
        else:
            values = read(rows, column, keep)
        kind = feature_kind(feature)
        if kind in {"label", "labels", "records"}:
            values = [named(feature, value) for value in values]
        elif kind in {"integer", "integers"}:
            written: dict[int, str] = {}
            values = [
                written.setdefault(row, str(row)) if kind == "integer" else [str(each) for each in row]
                for row in values
            ]
        found[name] = values
    return found
