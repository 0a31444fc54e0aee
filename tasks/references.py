"""References: what is right, read from the dataset by canonical column, labels and tags as names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.columns import ColumnMapping, feature_kind
from tasks.types.labels import named
from tasks.types.nesting import leaves, read

if TYPE_CHECKING:
    import datasets


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
        values = read(rows, column, keep)
        kind = feature_kind(feature)
        if kind in {"label", "labels", "records"}:
            values = [named(feature, value) for value in values]
        elif kind in {"integer", "integers"}:
            values = [str(row) if kind == "integer" else [str(each) for each in row] for row in values]
        found[name] = values
    return found
