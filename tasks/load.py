"""Load: from a dataset's description to a reference of rows, pinned to a commit or a content digest."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tasks import hub, sources
from tasks.errors import BadEvaluation, UserError, unknown
from tasks.spec import Dataset

if TYPE_CHECKING:
    import datasets

PREFERRED_SPLITS = ("test", "validation", "dev", "valid", "val")


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
        rows: How many rows there are after it.
        notes: What was chosen without being asked for, as sentences.
    """

    source: sources.Source
    config: str | None
    split: str
    revision: str
    limit: int | None
    seed: int
    rows: int
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def fingerprint(self) -> str:
        """A digest of everything that decides which rows these are; the row count and notes do not."""
        decides = [
            self.source.kind,
            self.source.place if self.source.kind == "hub" else "",
            self.config,
            self.split,
            self.revision,
            self.limit,
            self.seed if self.limit else None,
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
    splits = _splits(source, dataset.config, revision)
    split = dataset.split or _choose_split(list(splits), dataset.path, notes)
    base = split.split("[")[0]
    if base not in splits:
        raise unknown(f"split of '{dataset.path}'", base, splits)
    unsampled = RowsReference(source, dataset.config, split, revision, None, seed, 0)
    count = len(open_rows(unsampled))
    if source.kind == "hub":
        hub.remember_dataset(source.place, dataset.revision, revision)
    if count == 0:
        raise BadEvaluation(f"The split '{split}' of '{dataset.path}' has no rows.")
    limit = dataset.limit if dataset.limit and dataset.limit < count else None
    return RowsReference(
        source, dataset.config, split, revision, limit, seed, min(count, limit or count), tuple(notes)
    )


def _choose_split(there_is: list[str], path: str, notes: list[str]) -> str:
    preferred = [split for split in PREFERRED_SPLITS if split in there_is]
    if not preferred and len(there_is) > 1:
        raise BadEvaluation(f"Name a split of '{path}'; there are: {', '.join(there_is)}.")
    chosen = preferred[0] if preferred else there_is[0]
    if len(there_is) > 1:
        notes.append(f"No split was given: {chosen} was taken, of {', '.join(there_is)}.")
    return chosen


@lru_cache(maxsize=4)
def open_rows(reference: RowsReference) -> datasets.Dataset:
    """Open the rows of a reference, memory-mapped, media left undecoded.

    Shape: one row a dataset row, columns as the dataset names them.
    """
    import datasets

    rows = _read(reference.source, reference.config, reference.revision, reference.split)
    for name, feature in rows.features.items():
        if isinstance(feature, datasets.Audio | datasets.Image):
            rows = rows.cast_column(name, type(feature)(decode=False))
    if reference.limit and reference.limit < len(rows):
        kept = sorted(random.Random(reference.seed).sample(range(len(rows)), reference.limit))
        rows = rows.select(kept)
    return rows


def _read(source: sources.Source, config: str | None, revision: str, split: str) -> datasets.Dataset:
    import datasets

    if source.kind == "saved":
        base, _, cut = split.partition("[")
        saved = datasets.load_from_disk(source.place)
        rows = saved[base] if isinstance(saved, datasets.DatasetDict) else saved
        return rows.select(_cut(cut, len(rows), split)) if cut else rows
    with hub.clear_errors("dataset", source.place):
        return datasets.load_dataset(**_arguments(source, config, revision), split=split)


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


def _arguments(source: sources.Source, config: str | None, revision: str) -> dict[str, Any]:
    """Return the arguments of `datasets.load_dataset` for a source that is not a saved dataset."""
    if source.kind == "hub":
        cache = str(hub.dataset_builds(source.place, revision))
        return {"path": source.place, "name": config, "revision": revision, "cache_dir": cache}
    if source.kind == "file":
        suffix = "." + source.place.rsplit(".", 1)[-1].lower()
        more = {"sep": "\t"} if suffix == ".tsv" else {}
        return {"path": sources.BUILDERS[suffix], "data_files": source.place, **more}
    if source.kind == "files":
        return {"path": source.place, "name": config}
    return {"path": "imagefolder" if source.kind == "images" else "audiofolder", "data_dir": source.place}


def _splits(source: sources.Source, config: str | None, revision: str) -> Mapping[str, object]:
    """Return the splits of a dataset, by name."""
    import datasets

    if source.kind == "saved":
        saved = datasets.load_from_disk(source.place)
        if isinstance(saved, datasets.DatasetDict):
            return dict(saved)
        return {str(saved.split or "all"): saved}
    try:
        with hub.clear_errors("dataset", source.place):
            if source.kind == "hub":
                _check_config(source.place, config, revision)
            builder = datasets.load_dataset_builder(**_arguments(source, config, revision))
            if not builder.info.splits:
                builder.download_and_prepare()
    except UserError:
        raise
    except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
        cause = error.__cause__ or error
        problem = " ".join(str(cause).split())
        raise BadEvaluation(f"The dataset '{source.place}' cannot be read: {problem}") from error
    return dict(builder.info.splits or {})


def _check_config(place: str, config: str | None, revision: str) -> None:
    there_is = hub.dataset_configs(place, revision)
    if config is None and len(there_is) > 1 and "default" not in there_is:
        raise BadEvaluation(f"Name a config of '{place}'; there are: {', '.join(there_is)}.")
    if config is not None and config not in there_is:
        raise unknown(f"config of '{place}'", config, there_is)
