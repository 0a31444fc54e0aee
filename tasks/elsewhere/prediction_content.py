"""Prediction content: what a file of predictions holds, whichever of the usual kinds it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.elsewhere import answers
from tasks.errors import BadEvaluation, listing

LABELS = b"assay.labels"
"""In the metadata of a Parquet file, the label of each probability, as JSON."""
ENDINGS = (".parquet", ".csv", ".tsv", ".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Content:
    """A file's columns by name, all as long, and the label of each probability where it says so."""

    columns: Mapping[str, Sequence[Any]]
    labels: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many predictions there are."""
        return len(next(iter(self.columns.values()), ()))

    def row(self, number: int) -> dict[str, Any]:
        """Return one prediction's columns."""
        return {name: values[number] for name, values in self.columns.items()}


@lru_cache(maxsize=4)
def content(place: str, digest: str) -> Content:
    """Read a file of predictions.

    Args:
        place: Its path.
        digest: Its digest, so that a changed file is read again.

    Raises:
        BadEvaluation: It cannot be read, or is empty.
    """
    path = Path(place)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BadEvaluation(
            f"The predictions '{place}' are in no file that can be read; those end in: {listing(ENDINGS)}."
        )
    try:
        found = _READERS[ending](path)
    except _UNREADABLE as error:
        problem = " ".join(str(error).split())[:300]
        raise BadEvaluation(f"The predictions '{place}' cannot be read: {problem}") from error
    if not found.rows:
        raise BadEvaluation(f"The predictions '{place}' are empty.")
    return found


def _parquet(path: Path) -> Content:
    table = pq.read_table(path)
    stated = (table.schema.metadata or {}).get(LABELS)
    return Content(table.to_pydict(), tuple(json.loads(stated)) if stated else ())


def _separated(path: Path) -> Content:
    with path.open(newline="", encoding="utf-8-sig") as opened:
        rows = list(csv.reader(opened, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    if not rows:
        return Content({})
    head, body = rows[0], [row for row in rows[1:] if row]
    uneven = next((number for number, row in enumerate(body, 2) if len(row) != len(head)), None)
    if uneven is not None:
        raise ValueError(f"record {uneven} has another number of fields than the first, {len(head)}")
    return Content({name: [row[place] for row in body] for place, name in enumerate(head)})


def _json(path: Path) -> Content:
    """Read a list of objects, an object of lists, or an object of ids with their predictions (as SQuAD's)."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(found, dict) and all(isinstance(value, list) for value in found.values()):
        if len({len(value) for value in found.values()}) > 1:
            raise ValueError("its lists differ in length")
        return Content(found)
    if isinstance(found, dict):
        return Content({"id": list(found), answers.USUAL[0]: list(found.values())})
    return _records(found)


def _json_lines(path: Path) -> Content:
    return _records([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line])


def _records(rows: Sequence[Any]) -> Content:
    if not all(isinstance(row, dict) for row in rows):
        return Content({answers.USUAL[0]: list(rows)})
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Content({name: [row.get(name) for row in rows] for name in names})


_UNREADABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, RecursionError),
    *(csv.Error, pa.ArrowException),
)
_READERS = {
    ".parquet": _parquet,
    ".csv": _separated,
    ".tsv": _separated,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
