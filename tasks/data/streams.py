"""Streams: rows read as they come from files or the Hub; nothing is downloaded or converted whole."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks import hub
from tasks.data import filters, strays
from tasks.data.filters import Filters
from tasks.errors import BadEvaluation, UserError

if TYPE_CHECKING:
    import datasets

BATCH = 1000
"""Rows read at a time; the first such table is what is looked at before any model is loaded."""

MEDIA_BATCH = 100
"""The same where rows carry images or sounds."""

BUFFER = 10_000
"""Rows that a sample is drawn from at a time: what a shuffle of a stream holds in memory."""

MEDIA_BUFFER = 500
"""The same where rows carry images or sounds."""

SHARDS = 100
"""With fewer files than this, Parquet is shuffled by row group: else a sample would come from the head."""


@dataclass(frozen=True)
class Streamed:
    """What decides which rows a stream gives.

    Attributes:
        place: The dataset's Hub id or path, for messages.
        arguments: Those of `datasets.load_dataset`.
        split: The split, with its slice.
        limit: How many rows are sampled, None for all.
        seed: The seed of that sample.
        features: What its columns, all of them, were found to hold; None where nobody has looked yet, which
            a sample and filters need.
        filters: What the rows' columns have to hold.
    """

    place: str
    arguments: Mapping[str, Any]
    split: str
    limit: int | None = None
    seed: int = 0
    features: datasets.Features | None = None
    filters: Filters = ()


def splits(place: str, arguments: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the splits of a dataset and how many rows its info says they have, reading no row.

    Raises:
        BadEvaluation: It cannot be read.
    """
    with _one_sentence(place):
        builder = _builder(arguments)
        stated = builder.info.splits or {}
        return {
            str(name): (stated[name].num_examples or None) if name in stated else None
            for name in builder.as_streaming_dataset()
        }


def bounds(split: str) -> tuple[int, int | None]:
    """Return the first row of a split's slice and the one after its last, None for the end.

    Raises:
        BadEvaluation: It counts from the end or in percent, which a stream cannot.

    >>> bounds("test"), bounds("test[10:20]"), bounds("test[5:]")
    ((0, None), (10, 20), (5, None))
    """
    _, bracket, cut = split.partition("[")
    start, colon, stop = cut.rstrip("]").partition(":")
    if bracket and (not colon or not (start or "0").isdecimal() or not (stop or "0").isdecimal()):
        raise BadEvaluation(
            f"The split '{split}' cannot be streamed: its slice must be name[start:stop] in whole rows from "
            "the start; leave 'streaming' out, or cut otherwise."
        )
    return int(start or 0), int(stop) if stop else None


def tables(wanted: Streamed, columns: Sequence[str] = ()) -> Generator[pa.Table, None, None]:
    """Yield the rows in tables of a thousand (a hundred of media, left undecoded).

    Args:
        wanted: Which rows.
        columns: The columns wanted; none for all.

    Raises:
        BadEvaluation: The data cannot be read.
    """
    import datasets

    with _one_sentence(wanted.place):
        needed = [*columns, *_filtering(wanted, columns)] if columns else []
        stream, batch = _open(wanted, needed)
        features = wanted.features or stream.features
        left = wanted.limit
        batches = stream.with_format("arrow").iter(batch)
        try:
            for table in batches:
                # CSV states no types: they are those of its first rows, as they are when it is read whole.
                features = features or datasets.Features.from_arrow_schema(table.schema)
                held = {name: features[name] for name in table.column_names}
                table = datasets.table.table_cast(table, undecoded(held).arrow_schema)
                if "revision" in wanted.arguments:
                    strays.check(table, wanted.place, hub.dataset_places())
                if wanted.filters:
                    table = _passing(wanted, features, table).select(columns or table.column_names)
                    if wanted.features is not None and left is not None:
                        table = table.slice(0, left)
                        left -= len(table)
                if len(table):
                    yield table
                if left == 0:
                    break
        finally:
            # Arrow's reader is part of a cycle; should the process end before it is collected, its threads
            # abort the process (apache/arrow#45214).
            batches.close()
            gc.collect()


def _filtering(wanted: Streamed, columns: Sequence[str]) -> list[str]:
    """Return the columns that only filters read."""
    there = list(wanted.features or ())
    return [name for name in filters.columns(wanted.filters, there) if name not in columns]


def _passing(wanted: Streamed, features: Mapping[str, Any], table: pa.Table) -> pa.Table:
    """Return the rows of a table that pass the filters."""
    filters.check(wanted.filters, features, wanted.place)
    read = filters.columns(wanted.filters, table.column_names)
    return table.filter(pa.array(filters.fits(wanted.filters, features, table.select(read).to_pydict())))


def undecoded(features: Mapping[str, Any]) -> datasets.Features:
    """Return features whose images and sounds are left as encoded bytes or paths."""
    import datasets

    return datasets.Features(
        {
            name: type(feature)(decode=False)
            if isinstance(feature, datasets.Audio | datasets.Image)
            else feature
            for name, feature in features.items()
        }
    )


def media(features: datasets.Features) -> list[str]:
    """Return the names of the columns that hold bytes, as images and sounds do.

    >>> import datasets
    >>> media(datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a"])}))
    ['image']
    """
    return bytes_in(features.arrow_schema)


def bytes_in(schema: pa.Schema) -> list[str]:
    """Return the names of a schema's columns that hold bytes."""
    return [field.name for field in schema if _holds_bytes(field.type)]


def _holds_bytes(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_bytes(kind.storage_type)
    binary = pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary
    inner = (kind.field(position).type for position in range(kind.num_fields))
    return any(tells(kind) for tells in binary) or any(map(_holds_bytes, inner))


def buffer_for(features: datasets.Features) -> int:
    """Return the rows of the shuffle buffer that a sample of a stream with these (all its) features takes."""
    return MEDIA_BUFFER if media(features) else BUFFER


def without_media(table: pa.Table, kept: Sequence[bool]) -> pa.Table:
    """Return a table whose images and sounds are null, but for the rows `kept`."""
    chosen = pa.array([row if keep else None for row, keep in enumerate(kept)], pa.int64())
    for position, field in enumerate(table.schema):
        if _holds_bytes(field.type):
            table = table.set_column(position, field, table.column(position).take(chosen))
    return table


def _builder(arguments: Mapping[str, Any], columns: Sequence[str] = ()) -> Any:
    import datasets
    from datasets.packaged_modules.parquet.parquet import ParquetConfig

    builder = datasets.load_dataset_builder(**arguments)
    if columns and isinstance(builder.config, ParquetConfig):
        # Columns that nobody wants need not be fetched.
        builder = datasets.load_dataset_builder(**arguments, columns=list(columns))
    return builder


def _open(wanted: Streamed, columns: Sequence[str]) -> tuple[datasets.IterableDataset, int]:
    """Return the wanted rows, and how many of them to read at a time."""
    start, stop = bounds(wanted.split)
    builder = _builder(wanted.arguments, columns)
    stream: datasets.IterableDataset = builder.as_streaming_dataset(wanted.split.split("[")[0])
    features = stream.features or {}
    heavy = bool(features and media(features))
    batch = MEDIA_BATCH if heavy else BATCH
    if hasattr(builder.config, "batch_size"):
        # Parquet would read a whole row group at a time. It looks here when it begins to read, and only the
        # features tell how large rows are.
        builder.config.batch_size = batch
    for name, feature in features.items():
        # Otherwise the library would decode what it converts to Arrow.
        if undecoded({name: feature})[name] != feature:
            stream = stream.cast_column(name, undecoded({name: feature})[name])
    if columns and set(columns) != set(features):
        stream = stream.select_columns(list(columns))
    if wanted.limit and wanted.features:
        if (start, stop) == (0, None) and stream.num_shards < SHARDS:
            stream = stream.reshard()
        buffer = buffer_for(wanted.features)
        shuffled = _cut(stream, start, stop).shuffle(seed=wanted.seed, buffer_size=buffer)
        # With filters, how many rows of the stream make the sample is seen as they pass.
        return (shuffled if wanted.filters else shuffled.take(wanted.limit)), batch
    return _cut(stream, start, stop), batch


def _cut(stream: datasets.IterableDataset, start: int, stop: int | None) -> datasets.IterableDataset:
    if start:
        stream = stream.skip(start)
    return stream.take(max(stop - start, 0)) if stop is not None else stream


@contextmanager
def _one_sentence(place: str) -> Iterator[None]:
    """Turn what goes wrong while reading into one sentence."""
    import datasets

    try:
        with hub.clear_errors("dataset", place):
            yield
    except UserError:
        raise
    except StopIteration as error:
        raise BadEvaluation(f"The dataset '{place}' cannot be read: it is empty.") from error
    except (ValueError, TypeError, datasets.exceptions.DatasetsError) as error:
        problem = " ".join(str(error.__cause__ or error).split())[:500]
        raise BadEvaluation(f"The dataset '{place}' cannot be read: {problem}") from error
