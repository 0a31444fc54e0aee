"""What a run keeps to look at: sample table, full predictions, pictures, tables of detail."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.candidates import Candidate
from tasks.columns import feature_kind
from tasks.data.references import references
from tasks.data.sampling import PICTURED, SAMPLED, sampled
from tasks.elsewhere import prediction_content
from tasks.evidence import exhibits, mistakes, overview, row_values
from tasks.load import open_rows
from tasks.pictures import contact_sheet
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.report import RunReport
from tasks.score import Judgement, judged_rows
from tasks.tracking import recipe
from tasks.tracking.records import ArtifactFolder
from tasks.types.nesting import leaves, read

LONGEST_TEXT = 1000
GRIDDED = 12
"""Generated pictures in MLflow's grid of images."""
MEDIA = {"image", "audio"}


def log(
    store: ArtifactFolder,
    run_id: str,
    plan: Plan,
    candidate: Candidate,
    predictions: PredictionsReference,
    judgement: Judgement,
) -> None:
    """Write all artifacts of one run, under names that are the same in every run."""
    kind = plan.kind
    table = predictions.table()
    store.log_table(run_id, sample_table(plan, candidate, table), "samples.json")
    for name, detail in judgement.details.items():
        if detail:
            store.log_table(run_id, _columns(detail), f"{name}.json")
    with tempfile.TemporaryDirectory() as folder:
        whole = exported(plan, candidate, table)
        pq.write_table(whole, Path(folder) / "predictions.parquet", compression="zstd")
        kept = json.dumps(recipe.written(plan, candidate, predictions, judgement), indent=2)
        (Path(folder) / recipe.FILE).write_text(kept, encoding="utf-8")
        for name, content in looks(plan, candidate, predictions, judgement):
            (Path(folder) / name).write_bytes(content)
        store.log_artifacts(run_id, folder)
    wrong = exhibits.attempted("token_errors.json", lambda: wrong_tokens(plan, candidate, predictions))
    if wrong:
        store.log_table(run_id, _columns(wrong), "token_errors.json")
    if "image" in kind.prediction.names:
        exhibits.attempted("grid of images", lambda: _log_drawn(store, run_id, table))


def looks(
    plan: Plan, candidate: Candidate, predictions: PredictionsReference, judgement: Judgement
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of everything there is to look at: pictures, and the page of mistakes.

    What cannot be drawn is a warning: no run is lost for want of a picture.
    """
    table = predictions.table()
    judged, numbers = judged_rows(plan, candidate, predictions)
    known = exhibits.attempted("what is known of rows", lambda: row_values.row_values(plan, judged))
    subject = exhibits.Subject(
        candidate.title,
        judged,
        candidate.alignment.dataset_labels,
        judgement.details,
        known,
        exhibits.attempted("length of inputs", lambda: row_values.lengths(plan, table, numbers)),
        plan.evaluation.settings.level,
    )
    yield from exhibits.drawn(subject)
    if "image" in plan.kind.prediction.names:
        made = [each for each in table["image"][:PICTURED].to_pylist() if each is not None]
        if (sheet := exhibits.attempted("pictures.png", lambda: contact_sheet.encoded(made))) is not None:
            yield "pictures.png", sheet
    found = exhibits.attempted(
        "mistakes.html", lambda: mistakes.page(plan, candidate, table, judged, numbers, known)
    )
    if found is not None:
        yield "mistakes.html", found.encode()


def wrong_tokens(plan: Plan, candidate: Candidate, predictions: PredictionsReference) -> list[dict[str, Any]]:
    """Return the words that were tagged wrongly, the most frequent first; none where no words are tagged."""
    if "tags" not in plan.kind.judged_by or "tokens" not in plan.mapping.columns:
        return []
    judged, numbers = judged_rows(plan, candidate, predictions)
    if "tags" not in judged:
        return []
    tokens = read(open_rows(plan.rows), plan.mapping.columns["tokens"], numbers)
    return mistakes.token_errors(judged["tags"], tokens)


def _log_drawn(store: ArtifactFolder, run_id: str, table: pa.Table) -> int:
    """Log the first generated pictures for MLflow's grid of images, a step a row; return how many."""
    count = 0
    for row, encoded in enumerate(table["image"][:GRIDDED].to_pylist()):
        if encoded is not None:
            count += 1
            store.log_image(run_id, contact_sheet.thumbnail({"bytes": encoded}), key="generated", step=row)
    return count


def write_overview(folder: Path, reports: Sequence[RunReport], pairs: overview.Pairs | None = None) -> None:
    """Write the pictures that compare the models of an evaluation into a folder."""
    for name, content in overview.drawn(reports, pairs):
        (folder / name).write_bytes(content)


def sample_table(plan: Plan, candidate: Candidate, table: pa.Table) -> dict[str, list[Any]]:
    """Return some rows with what was right and what was predicted: the same rows for every model.

    The rows are a seeded sample, so that MLflow lays them side by side across runs.
    """
    kind, mapping = plan.kind, plan.mapping
    opened = open_rows(plan.rows)
    pictured = any("image" in column.accepts for column in kind.columns)
    chosen = sampled(len(opened), PICTURED if pictured else SAMPLED)
    given = {
        name: read(opened, mapping.columns[name], chosen) for name in kind.inputs if name in mapping.columns
    }
    shown: list[dict[str, Any]] = []
    right = references(opened, mapping, kind.references, chosen)
    for position, number in enumerate(chosen):
        prediction = table.slice(number, 1).to_pylist()[0]
        row = {name: given[name][position] for name in given}
        row |= {name: right[name][position] for name in right}
        if prediction["error"] is not None:
            continue
        seen = kind.sample(prediction, row, candidate.alignment)
        shown.append({"row": number, **{name: _fit(value) for name, value in seen.items()}})
    return _columns(shown)


def _fit(value: Any) -> Any:
    """Make a sampled value fit a table: media become pictures, long text is cut."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    if isinstance(value, Mapping) and "bytes" in value:
        return contact_sheet.thumbnail(value)
    return value


def _columns(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in (records[0] if records else {})}


def exported(plan: Plan, candidate: Candidate, table: pa.Table) -> pa.Table:
    """Return all predictions as they are logged: a file that can stand for the model in an evaluation."""
    # Its probabilities come in this order.
    stated = json.dumps(list(candidate.alignment.model_labels))
    return with_references(plan, table).replace_schema_metadata({prediction_content.LABELS: stated})


def with_references(plan: Plan, table: pa.Table) -> pa.Table:
    """Return all predictions with the right answers beside them, one row a dataset row.

    Pictures and recordings are left to the dataset.
    """
    opened, mapping = open_rows(plan.rows), plan.mapping
    features = leaves(opened.features)
    small = [
        name
        for name in plan.kind.references
        if name in mapping.columns and feature_kind(features.get(mapping.columns[name])) not in MEDIA
    ]
    right = references(opened, mapping, small)
    for name, values in right.items():
        table = table.append_column(f"reference_{name}", typed(values))
    return table


def typed(values: Sequence[Any]) -> pa.Array:
    """Return values as a column that has a type, also where all of them are missing or of several kinds.

    >>> typed([[], []]).type, typed([None]).type, typed(["a", ["b"]]).to_pylist()
    (ListType(list<item: string>), DataType(string), ['"a"', '["b"]'])
    """
    try:
        column = pa.array(values)
        return column.cast(_without_null(column.type))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([json.dumps(value, default=str) for value in values])


def _without_null(kind: pa.DataType) -> pa.DataType:
    """Return a type with text in the place of the type of nothing."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_null(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(each.name, _without_null(each.type)) for each in kind])
    return kind
