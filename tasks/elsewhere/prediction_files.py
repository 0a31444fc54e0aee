"""Prediction files: predictions made elsewhere, scored and compared like a model's own.

A file (Parquet, CSV, TSV, JSON or JSON Lines) takes a model's place: its digest is the pin, the labels it
uses are matched by name as a model's are, and its predictions pass through the chunk store as all do. They
belong to the dataset's rows in order, or by a column `row` (the row's number, from 0), or by a column of
ids that the dataset has too. The `predictions.parquet` of a run is such a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks import sources
from tasks.data.references import references
from tasks.elsewhere import answer_labels, answers
from tasks.elsewhere.answers import Reading
from tasks.elsewhere.prediction_content import Content, content
from tasks.errors import BadEvaluation, NotFound, listing
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import ROW, Decode, Item, Row
from tasks.load import numbers, open_rows
from tasks.plan import Plan
from tasks.spec import Model
from tasks.types.contract import Alignment

if TYPE_CHECKING:
    import datasets

LOOKED_AT = 100
"""Rows by which it is seen what a file has."""
VERSION = 1
"""Raised whenever the same file would be read differently: part of every chunk's key."""
IDS = (
    "id",
    "_id",
    "idx",
    "index",
    "uid",
    "guid",
    "uuid",
    "key",
    "qid",
    "row_id",
    "example_id",
    "sample_id",
    "question_id",
    "image_id",
    "doc_id",
)
"""What columns of ids are called."""


def resolve(plan: Plan, model: Model) -> Checkpoint:
    """Find a file of predictions, pin it to its digest, and see which labels it uses.

    Raises:
        NotFound: There is no such file.
        BadEvaluation: It cannot be read, or holds no predictions for this task type; or rows are streamed.
    """
    assert model.predictions is not None
    path = Path(model.predictions).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no file of predictions '{model.predictions}'{sources.beside(path)}.")
    if plan.rows.streamed:
        raise BadEvaluation(
            f"The predictions '{model.name}' are matched to rows before any passes; leave 'streaming' out."
        )
    place, digest = str(path.resolve()), sources.digest(path)
    there = content(place, digest)
    found = _reading(plan, there, model.name)
    said = answer_labels.said(found.judged_as, found.labels or answer_labels.used(found, there.columns))
    return Checkpoint(model.name, place, digest, local=True, form="predictions", said=said)


def _reading(plan: Plan, there: Content, name: str) -> Reading:
    kind = plan.kind
    given = kind.gives(open_rows(plan.rows).features, plan.mapping.columns) if kind.gives else kind.judged_by
    found = answers.reading(kind, given, list(there.columns), name, there.labels)
    column = found.fields.get("probabilities")
    if column is None or found.labels:
        return found
    named = [value for value in there.columns[column] if isinstance(value, Mapping)]
    if named:
        return replace(found, labels=tuple(dict.fromkeys(label for row in named for label in row)))
    note = f"The probabilities of '{name}' are left out: nothing says which is of which label."
    fields = {field: each for field, each in found.fields.items() if field != "probabilities"}
    return replace(found, fields=fields, notes=(*found.notes, note))


def align(
    plan: Plan, opened: datasets.Dataset, checkpoint: Checkpoint, overrides: Mapping[str, str]
) -> Alignment:
    """Match the labels of a file to the dataset's, and its predictions to the rows.

    Raises:
        BadLabels: It uses a label that maps to nothing, while one of the dataset's is not used.
        BadEvaluation: Predictions are missing, doubled, or of no row.
    """
    there = content(checkpoint.place, checkpoint.commit)
    found = _reading(plan, there, checkpoint.name)
    alignment = answer_labels.align(plan, opened, checkpoint, overrides, complete=bool(found.labels))
    _, note = joined(plan, checkpoint)
    return replace(alignment, notes=(*found.notes, note, *alignment.notes))


def check_metrics(plan: Plan, checkpoint: Checkpoint, alignment: Alignment) -> None:
    """See that a file has what the metrics asked for take, by its first rows that have predictions.

    Raises:
        BadEvaluation: A metric takes what it lacks, as probabilities.
    """
    if not plan.evaluation.metrics:
        return
    replay, rows, made = Replay(plan, checkpoint), open_rows(plan.rows), {}
    for number in range(min(len(rows), LOOKED_AT)):
        with suppress(ValueError):
            made[number] = replay.prepare([{ROW: number}])[0].features
    if not made:
        return
    table = pa.Table.from_pylist(list(made.values()), schema=plan.kind.prediction)
    right = references(rows, plan.mapping, plan.kind.references, list(made))
    judged = plan.kind.evidence(table.to_pydict(), right, alignment)
    for each in plan.requested:
        if each.metric.takes not in (*judged, "anything"):
            raise BadEvaluation(
                f"The metric '{each.metric.name}' judges {each.metric.takes}, and the predictions "
                f"'{checkpoint.name}' give {listing(judged)}."
            )


def joined(plan: Plan, checkpoint: Checkpoint) -> tuple[list[int], str]:
    """Return for each row of the evaluation the number of its prediction, and how they were matched.

    Raises:
        BadEvaluation: Predictions are missing, doubled, or of no row.
    """
    there, name = content(checkpoint.place, checkpoint.commit), checkpoint.name
    rows = open_rows(plan.rows)
    own, whole = numbers(plan.rows)
    # A file of the whole split fits a part of it too.
    counted = range(len(rows)) if there.rows == len(rows) else own
    if ROW in there.columns and ROW not in rows.column_names:
        keys = [str(answers.fitted(value, pa.int64())) for value in there.columns[ROW]]
        places, by = _places([str(number) for number in counted], keys, name, ROW)
        return places, f"The predictions '{name}' were matched to rows by {by}."
    for column in there.columns:
        if column.casefold() in IDS and column in rows.column_names:
            wanted = [str(value) for value in rows.select_columns([column])[column]]
            places, by = _places(wanted, [str(each) for each in there.columns[column]], name, column)
            return places, f"The predictions '{name}' were matched to rows by {by}."
    if there.rows not in {len(rows), whole}:
        raise BadEvaluation(
            f"There are {there.rows} predictions in '{name}' and {len(rows)} rows, and no column says which "
            f"belong together: name one '{ROW}', the number of the row from 0, or as a column of ids of the "
            f"dataset is named."
        )
    return list(counted), f"The predictions '{name}' are taken to be in the order of the rows."


def _places(wanted: Sequence[str], keys: Sequence[str], name: str, column: str) -> tuple[list[int], str]:
    """Return the place of each wanted key among the keys, each there once."""
    twice = next((key for key, times in Counter(keys).items() if times > 1), None)
    if twice is not None:
        raise BadEvaluation(f"There are several predictions in '{name}' for the {column} {twice}.")
    doubled = next((key for key, times in Counter(wanted).items() if times > 1), None)
    if doubled is not None:
        raise BadEvaluation(
            f"Predictions in '{name}' cannot be matched to rows by '{column}', which is {doubled} in several "
            "rows; leave that column out of the file to have them taken in the order of the rows."
        )
    there = {key: place for place, key in enumerate(keys)}
    missing = [key for key in wanted if key not in there]
    if missing:
        raise BadEvaluation(
            f"There is no prediction in '{name}' for {len(missing)} of {len(wanted)} rows, as for the "
            f"{column} {listing(missing, 3)}."
        )
    more = len(keys) - len(wanted)
    return [there[key] for key in wanted], f"'{column}'" + (
        f", and {more} predictions are of rows that are not evaluated" if more else ""
    )


def pins(plan: Plan, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return how a file is read, which with its digest decides every prediction."""
    found = _reading(plan, content(checkpoint.place, checkpoint.commit), checkpoint.name)
    return {"version": VERSION, "fields": dict(found.fields), "labels": list(found.labels)}


class Replay:
    """Predictions of a file, given out as a model would make them; none costs anything."""

    network = None

    def __init__(self, plan: Plan, checkpoint: Checkpoint) -> None:
        self._content = content(checkpoint.place, checkpoint.commit)
        self._reading = _reading(plan, self._content, checkpoint.name)
        self._places, _ = joined(plan, checkpoint)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Find the predictions of rows; one that is not there fails."""
        found = [self._content.row(self._places[row[ROW]]) for row in rows]
        return [Item(answers.record(self._reading, each), cost=1.0) for each in found]

    def forward(self, items: Sequence[Item]) -> Decode:
        """Give out the predictions of a batch."""
        return lambda: [item.features for item in items]
