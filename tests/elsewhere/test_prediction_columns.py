"""The file of all predictions: typed, and read by pandas and datasets in one line, for every task type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks import catalogue
from tasks.inference.engine import stored_schema
from tasks.tracking.artifacts import typed
from tasks.types import task_type

REFERENCES: dict[str, list[Any]] = {
    "label": ["cat", "dog", None],
    "number": [0.5, 1.0, None],
    "tags": [["O", "B-X"], [], ["O"]],
    "answers": [{"text": [], "answer_start": []}, {"text": [], "answer_start": []}, None],
    "several": [["a", "b"], ["c"], []],
    "objects": [{"bbox": [[1.0, 2.0, 3.0, 4.0]], "category": ["cat"]}, {"bbox": [], "category": []}, None],
    "nothing": [None, None, None],
    "mixed": ["a", ["b"], {"c": 1}],
}
"""What is right of three rows, of every kind a dataset holds it as, awkward ones first."""


def value_of(kind: pa.DataType) -> Any:
    """Return some value of a type."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [value_of(kind.value_type)] * 2
    if pa.types.is_struct(kind):
        return {field.name: value_of(field.type) for field in kind}
    if pa.types.is_string(kind):
        return '猫, "quoted"\nand more'
    if pa.types.is_binary(kind):
        return b"\x00\xff"
    if pa.types.is_boolean(kind):
        return True
    return 1.5 if pa.types.is_floating(kind) else 7


@pytest.mark.parametrize("name", sorted(catalogue.task_types()))
def test_predictions_are_typed_and_load_in_one_line(name: str, tmp_path: Path) -> None:
    schema = stored_schema(task_type(name).prediction)
    whole = {field.name: value_of(field.type) for field in schema} | {"error": None}
    failed = dict.fromkeys(schema.names) | {"row": 1, "error": "ValueError: no such picture"}
    bare = {name: [] if pa.types.is_list(schema.field(name).type) else value for name, value in whole.items()}
    table = pa.Table.from_pylist([whole | {"row": 0}, failed, bare | {"row": 2}], schema)
    for reference, values in REFERENCES.items():
        table = table.append_column(f"reference_{reference}", typed(values))
    place = str(tmp_path / "predictions.parquet")
    pq.write_table(table, place, compression="zstd")

    frame = pd.read_parquet(place)
    rows = datasets.load_dataset(
        "parquet", data_files=place, split="train", cache_dir=str(tmp_path / "cache")
    )

    assert pq.read_schema(place).equals(table.schema)
    assert not any(pa.types.is_null(field.type) for field in table.schema)
    assert list(frame.columns) == rows.column_names == table.column_names
    assert frame["row"].tolist() == [0, 1, 2]
    assert frame["error"].notna().tolist() == [False, True, False]
    assert rows[:] == table.to_pydict()


def test_what_is_right_keeps_its_type() -> None:
    kinds = {name: typed(values).type for name, values in REFERENCES.items()}
    assert kinds["number"] == pa.float64()
    assert kinds["tags"] == pa.list_(pa.string())
    assert kinds["answers"] == pa.struct(
        [("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.string()))]
    )
    assert kinds["nothing"] == kinds["mixed"] == pa.string()
