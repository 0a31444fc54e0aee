"""Splits: what a dataset is divided into, how `datasets` is asked for it, and the split taken unasked."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks import home, hub, sources
from tasks.data import downloads, streams
from tasks.errors import BadEvaluation, UserError, unknown

if TYPE_CHECKING:
    import datasets

PREFERRED = ("test", "validation", "dev", "valid", "val")


def choose(there_is: Sequence[str], path: str, notes: list[str]) -> str:
    """Return the split to take where none was given, noting the choice.

    Raises:
        BadEvaluation: There are several, and none is called as splits to judge on are.
    """
    preferred = [split for split in PREFERRED if split in there_is]
    if not preferred and len(there_is) > 1:
        raise BadEvaluation(f"Name a split of '{path}'; there are: {', '.join(there_is)}.")
    chosen = preferred[0] if preferred else there_is[0]
    if len(there_is) > 1:
        notes.append(f"No split was given: {chosen} was taken, of {', '.join(there_is)}.")
    return chosen


def arguments(source: sources.Source, config: str | None, revision: str) -> dict[str, Any]:
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


def whole(source: sources.Source, config: str | None, revision: str, split: str) -> datasets.Dataset:
    """Return a split's rows, of a source that is no saved dataset; fetched and converted if need be."""
    import datasets

    builder = datasets.load_dataset_builder(**arguments(source, config, revision))
    builder.download_and_prepare(dl_manager=downloads.manager(builder))
    rows: datasets.Dataset = builder.as_dataset(split=split)
    return rows


def find(
    source: sources.Source, config: str | None, revision: str, *, streamed: bool
) -> Mapping[str, object]:
    """Return the splits of a dataset, by name; of a stream, each with its row count where that is stated."""
    import datasets

    if source.kind == "saved":
        saved = datasets.load_from_disk(source.place)
        if isinstance(saved, datasets.DatasetDict):
            return dict(saved)
        return {str(saved.split or "all"): saved}
    if streamed:
        return _streamed(source, config, revision)
    try:
        with hub.clear_errors("dataset", source.place):
            if source.kind == "hub":
                _check_config(source.place, config, revision)
            builder = datasets.load_dataset_builder(**arguments(source, config, revision))
            if not builder.info.splits:
                builder.download_and_prepare(dl_manager=downloads.manager(builder))
    except UserError:
        raise
    # A RuntimeError says that it is a script, which is never run.
    except (ValueError, RuntimeError, datasets.exceptions.DatasetGenerationError) as error:
        cause = error.__cause__ or error
        problem = " ".join(str(cause).split())
        raise BadEvaluation(f"The dataset '{source.place}' cannot be read: {problem}") from error
    return dict(builder.info.splits or {})


def _streamed(source: sources.Source, config: str | None, revision: str) -> dict[str, int | None]:
    """Return the splits of a stream, asked for once for each commit: so a second run needs no Hub."""
    decides = json.dumps([source.kind, source.place, config, revision])
    folder = home.home() / "streams"
    known = folder / f"splits-{hashlib.sha256(decides.encode()).hexdigest()[:40]}.json"
    if not known.is_file():
        if source.kind == "hub":
            with hub.clear_errors("dataset", source.place):
                _check_config(source.place, config, revision)
        found = streams.splits(source.place, arguments(source, config, revision))
        folder.mkdir(exist_ok=True)
        written = folder / f".{uuid.uuid4().hex}.part"
        written.write_text(json.dumps(found), encoding="utf-8")
        written.replace(known)
    there_is: dict[str, int | None] = json.loads(known.read_text(encoding="utf-8"))
    return there_is


def _check_config(place: str, config: str | None, revision: str) -> None:
    there_is = hub.dataset_configs(place, revision)
    if config is None and len(there_is) > 1 and "default" not in there_is:
        raise BadEvaluation(f"Name a config of '{place}'; there are: {', '.join(there_is)}.")
    if config is not None and config not in there_is:
        raise unknown(f"config of '{place}'", config, there_is)
