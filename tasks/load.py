"""Load: from a dataset's description to a reference of rows, pinned to a commit or a content digest."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks import home, hub, sources, versions
from tasks.data import filters, splits, strays, streams
from tasks.data.filters import Filters
from tasks.data.spool import Spool
from tasks.errors import BadEvaluation, unknown
from tasks.spec import Dataset
from tasks.types.nesting import roots

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class RowsReference:
    """A small, hashable handle to the rows of an evaluation: what steps pass to each other.

    Attributes:
        source: Where they lie.
        config: The dataset's configuration.
        split: The split that was asked for or chosen.
        revision: The Hub commit, or the SHA-256 of the local files.
        limit: How many rows were sampled, None for all.
        seed: The seed of that sample.
        rows: How many rows there are after it; of a stream what its info says, None where it says nothing.
        notes: What was chosen without being asked for, as sentences.
        streamed: Whether rows are read as they come.
        columns: The dataset columns that are read of a stream; none for all.
        filters: What the rows' columns have to hold.
    """

    source: sources.Source
    config: str | None
    split: str
    revision: str
    limit: int | None
    seed: int
    rows: int | None
    notes: tuple[str, ...] = field(default=(), compare=False)
    streamed: bool = False
    columns: tuple[str, ...] = ()
    filters: Filters = ()

    @property
    def fingerprint(self) -> str:
        """A digest of everything that decides which rows these are; the row count and notes do not.

        A whole stream has the rows of the whole split in the same order, hence the same digest; a sample of
        a stream is another sample, and one that depends on how the library shuffles.
        """
        decides = [
            self.source.kind,
            self.source.place if self.source.kind == "hub" else "",
            self.config,
            self.split,
            self.revision,
            self.limit,
            self.seed if self.limit else None,
            *(
                [f"shuffled by datasets {versions.pins()['datasets']}"]
                if self.streamed and self.limit
                else []
            ),
            *([list(self.filters)] if self.filters else []),
        ]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()

    @property
    def name(self) -> str:
        """The dataset's name, with its configuration where there is one."""
        return f"{self.source.name}/{self.config}" if self.config else self.source.name


def load(dataset: Dataset, seed: int) -> RowsReference:
    """Find a dataset, pin it, choose its split, and count its rows.

    Raises:
        UserError: There is no such dataset, configuration or split, or it may not be read.
    """
    source = sources.locate(dataset.path)
    notes: list[str] = []
    if source.kind == "hub":
        revision = hub.dataset_commit(source.place, dataset.revision)
    else:
        if dataset.revision:
            raise BadEvaluation(
                f"The dataset '{dataset.path}' is local and has no revisions; leave 'revision' out."
            )
        revision = sources.digest(source.place)
    streamed = dataset.streaming and source.kind != "saved"
    if dataset.streaming and not streamed:
        notes.append(f"'{dataset.path}' is memory-mapped as it was saved: there is nothing to stream.")
    there_is = splits.find(source, dataset.config, revision, streamed=streamed)
    split = dataset.split or splits.choose(list(there_is), dataset.path, notes)
    base = split.split("[")[0]
    if base not in there_is:
        raise unknown(f"split of '{dataset.path}'", base, there_is)
    wanted = filters.canonical(dataset.filters)
    if streamed:
        stated = there_is[base]
        return _checked(
            RowsReference(
                source,
                dataset.config,
                split,
                revision,
                dataset.limit,
                seed,
                stated if isinstance(stated, int) and base == split and not wanted else None,
                tuple(notes),
                streamed=True,
                filters=wanted,
            ),
            dataset,
        )
    unsampled = RowsReference(source, dataset.config, split, revision, None, seed, 0)
    everything = open_rows(unsampled)
    count = whole = len(everything)
    if source.kind == "hub":
        strays.check(everything.data.table, dataset.path, hub.dataset_places())
        hub.remember_dataset(source.place, dataset.revision, revision)
    if count == 0:
        raise BadEvaluation(f"The split '{split}' of '{dataset.path}' has no rows.")
    if wanted:
        features = open_rows(unsampled).features
        filters.check(wanted, features, dataset.path)
        unsampled = replace(unsampled, filters=wanted)
        count = len(open_rows(unsampled))
        if not count:
            raise filters.nothing_left(wanted, features, _read_by(unsampled), dataset.path)
        notes.append(f"{count} of {whole} rows pass the filters: {filters.described(wanted)}.")
    limit = dataset.limit if dataset.limit and dataset.limit < count else None
    rows = min(count, limit or count)
    return replace(unsampled, limit=limit, rows=rows, notes=tuple(notes))


def _checked(rows: RowsReference, dataset: Dataset) -> RowsReference:
    """Check a stream by its first rows, and say what is special about it."""
    head = head_rows(rows)
    if rows.source.kind == "hub":
        hub.remember_dataset(rows.source.place, dataset.revision, rows.revision)
    notes = [
        f"The dataset is streamed: columns and labels were checked against its first {len(head)} rows before "
        "the model was loaded, and labels against all rows after it had run."
    ]
    if rows.limit:
        buffer = streams.buffer_for(head.features)
        notes.append(
            f"The sample of {rows.limit} rows was drawn through a shuffle buffer of {buffer} rows, not from "
            "the whole split; rows far into a long file are seldom in it."
        )
    count = min(rows.rows, rows.limit) if rows.rows and rows.limit else rows.rows
    return replace(rows, rows=count, notes=(*rows.notes, *notes))


def narrowed(rows: RowsReference, columns: Mapping[str, str]) -> RowsReference:
    """Return a stream's reference that reads only mapped columns; any other as it is."""
    if not rows.streamed:
        return rows
    there = head_rows(rows).column_names
    needed = {each for name in columns.values() for each in roots(name, there)}
    return replace(rows, columns=tuple(sorted(needed)))


def count_of(rows: RowsReference) -> int | None:
    """Return how many rows there are; None for a stream that has not been read to its end."""
    return spool_of(rows).rows if rows.streamed else rows.rows


def spool_of(rows: RowsReference) -> Spool:
    """Return where a stream's rows are kept as they pass."""
    whole = home.home() / "streams" / rows.fingerprint[:40]
    columns = hashlib.sha256(json.dumps(rows.columns).encode()).hexdigest()[:16]
    return Spool(whole / columns if rows.columns else whole)


def stream(rows: RowsReference) -> Generator[pa.Table, None, None]:
    """Read a stream from its first row on, in tables."""
    return streams.tables(_streamed(rows, head_rows(rows).features), rows.columns)


def _streamed(rows: RowsReference, features: datasets.Features | None) -> streams.Streamed:
    called = splits.arguments(rows.source, rows.config, rows.revision)
    return streams.Streamed(
        rows.source.place, called, rows.split, rows.limit, rows.seed, features, rows.filters
    )


def head_rows(rows: RowsReference) -> datasets.Dataset:
    """Open what there is to look at before a model loads: all rows, or a stream's first thousand.

    Those (of media, the first hundred) have all columns, images and sounds left out; they are kept, so that
    they are streamed once.
    """
    if not rows.streamed:
        return open_rows(rows)
    spool = spool_of(replace(rows, columns=()))
    head = spool.head()
    if head is None:
        # Without its limit: what rows carry decides how it is sampled.
        arriving = streams.tables(_streamed(replace(rows, limit=None), None))
        first = _first(arriving)
        arriving.close()
        if first is None:
            if rows.filters:
                raise BadEvaluation(
                    f"No row of '{rows.source.place}' passes the filters: {filters.described(rows.filters)}."
                )
            raise BadEvaluation(f"The split '{rows.split}' of '{rows.source.place}' has no rows.")
        spool.keep_head(streams.without_media(first, [False] * len(first)))
        head = spool.head()
        assert head is not None
    return head


def _first(arriving: Generator[pa.Table, None, None]) -> pa.Table | None:
    """Return a stream's first rows, as many as the first table of one without filters has."""
    found: list[pa.Table] = []
    for table in arriving:
        found.append(table)
        enough = streams.MEDIA_BATCH if streams.bytes_in(table.schema) else streams.BATCH
        if sum(map(len, found)) >= enough:
            break
    return pa.concat_tables(found) if found else None


def open_rows(rows: RowsReference) -> datasets.Dataset:
    """Open the rows of a reference, memory-mapped, media left undecoded.

    Shape: one row a dataset row, columns as the dataset names them. Of a stream these are the spooled rows:
    the columns in use, with images and sounds only in those rows that a run shows.

    Raises:
        FileNotFoundError: It is a stream that has not been read to its end.
    """
    if not rows.streamed:
        return _opened(rows)
    spool = spool_of(rows)
    if spool.rows is None:
        raise FileNotFoundError(f"The stream of '{rows.name}' has not been read to its end.")
    return spool.dataset(spool.rows)


@lru_cache(maxsize=4)
def _opened(reference: RowsReference) -> datasets.Dataset:
    import datasets

    rows = _read(reference.source, reference.config, reference.revision, reference.split)
    for name, feature in rows.features.items():
        if isinstance(feature, datasets.Audio | datasets.Image):
            rows = rows.cast_column(name, type(feature)(decode=False))
    kept = _kept(reference, rows)
    return rows if kept is None else rows.select(kept)


def _kept(reference: RowsReference, rows: datasets.Dataset) -> list[int] | None:
    """Return the numbers of the rows that pass the filters and are in the sample; None for all."""
    kept = None
    if reference.filters:
        wanted = filters.columns(reference.filters, rows.column_names)
        there = rows.select_columns(wanted).with_format("arrow")[:].to_pydict()
        passing = filters.fits(reference.filters, rows.features, there)
        kept = [number for number, passes in enumerate(passing) if passes]
    count = len(rows) if kept is None else len(kept)
    if reference.limit and reference.limit < count:
        drawn = sorted(random.Random(reference.seed).sample(range(count), reference.limit))
        kept = drawn if kept is None else [kept[number] for number in drawn]
    return kept


def numbers(rows: RowsReference) -> tuple[list[int], int]:
    """Return the number that each row has in its whole split, and how many rows that has."""
    whole = open_rows(replace(rows, limit=None, filters=()))
    kept = _kept(rows, whole)
    return list(range(len(whole))) if kept is None else kept, len(whole)


def _read_by(rows: RowsReference) -> dict[str, list[Any]]:
    """Return the columns that filters read, of all rows."""
    whole = open_rows(replace(rows, limit=None, filters=()))
    wanted = filters.columns(rows.filters, whole.column_names)
    found: dict[str, list[Any]] = whole.select_columns(wanted).with_format("arrow")[:].to_pydict()
    return found


def _read(source: sources.Source, config: str | None, revision: str, split: str) -> datasets.Dataset:
    import datasets

    if source.kind == "saved":
        base, _, cut = split.partition("[")
        saved = datasets.load_from_disk(source.place)
        rows = saved[base] if isinstance(saved, datasets.DatasetDict) else saved
        return rows.select(_cut(cut, len(rows), split)) if cut else rows
    with hub.clear_errors("dataset", source.place):
        return splits.whole(source, config, revision, split)


def _cut(expression: str, count: int, split: str) -> range:
    """Read the slice of a split expression such as `test[10:20]`.

    >>> _cut(":2]", 5, "test[:2]")
    range(0, 2)
    """
    start, colon, stop = expression.rstrip("]").partition(":")
    try:
        if not colon:
            raise ValueError
        return range(count)[slice(int(start) if start else None, int(stop) if stop else None)]
    except ValueError as error:
        raise BadEvaluation(f"The split '{split}' is not of the form name[start:stop].") from error
