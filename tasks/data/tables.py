"""Tables: Parquet files looked through before `datasets` converts them.

A value that repeats is a few bytes in a Parquet file, however often and however long; converted, it is
written out each time. So the bytes that would come out are counted first, from what the file says of itself
and from its dictionaries, without writing any value out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.data.archives import most_unpacked
from tasks.errors import Refused

MAGIC = b"PAR1"
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
"""Bytes of a value by its physical type; of others, the schema says it or the values themselves do."""
OFFSET = 4
"""Bytes that say where a text or a list ends."""


def check(path: Path, free: int | None = None) -> None:
    """See that a Parquet file can be converted without harm; any other file passes.

    Args:
        path: The file.
        free: Bytes that fit on the disk; left out, asked of the disk that holds the file.

    Raises:
        Refused: Far more would come out of it than an honest file holds, or than fits on the disk.
    """
    with path.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            return
    most = most_unpacked(path, shutil.disk_usage(path.parent).free if free is None else free)
    try:
        total = 0
        for size in unpacked(path):
            total += size
            if total > most:
                break
        else:
            return
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        # Whoever reads it says what is wrong with it.
        return
    raise Refused(
        f"The table '{path.name}' has {path.stat().st_size} bytes and holds more than {most}, more than an "
        "honest one does or more than fits on the disk; it was not read. With dataset.streaming its rows are "
        "read one after the other."
    )


def unpacked(path: Path) -> Iterator[int]:
    """Count the bytes that come out of a Parquet file, some at a time: what is stated first, then texts.

    Raises:
        pyarrow.ArrowInvalid: It is damaged.
    """
    with pq.ParquetFile(path) as opened:
        footer = opened.metadata
        lengths = [footer.schema.column(number).length for number in range(footer.num_columns)]
        columns = [
            [footer.row_group(group).column(number) for number in range(footer.num_columns)]
            for group in range(footer.num_row_groups)
        ]
    for group in columns:
        yield sum(map(_stated, group, lengths))
    repeated = sorted({each.path_in_schema for group in columns for each in group if _repeats(each)})
    if not repeated:
        return
    with pq.ParquetFile(path, read_dictionary=repeated) as opened:
        for number in range(len(columns)):
            table = opened.read_row_group(number, columns=repeated, use_threads=False)
            yield sum(_written_out(part) for column in table.columns for part in column.chunks)


def _repeats(column: Any) -> bool:
    return bool(column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page)


def _stated(column: Any, length: int) -> int:
    """Return the bytes that a column's part states, without those of texts that a dictionary holds."""
    count = int(column.num_values)
    if column.physical_type == "BYTE_ARRAY":
        return count * OFFSET + (0 if _repeats(column) else int(column.total_uncompressed_size))
    return count * WIDTHS.get(column.physical_type, length)


def _written_out(values: pa.Array) -> int:
    """Return the bytes of the texts of a column, each as often as it stands there.

    >>> _written_out(pa.array(["ab", "c", "ab", None]).dictionary_encode())
    5
    >>> _written_out(pa.array([["ab", "ab"], []], pa.list_(pa.dictionary(pa.int32(), pa.string()))))
    4
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(values.dictionary).cast(pa.int64())
        return int(pc.sum(lengths.take(values.indices)).as_py() or 0)
    if pa.types.is_struct(kind):
        return sum(_written_out(part) for part in values.flatten())
    if pa.types.is_map(kind):
        return _written_out(values.keys) + _written_out(values.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _written_out(values.flatten())
    return int(values.nbytes)
