"""Parquet files that hold far more than their size, and honest ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data import tables
from tasks.data.archives import FREE
from tasks.errors import Refused
from tasks.load import load, open_rows
from tasks.spec import Dataset

MEGABYTE = "x" * 2**20
TIMES = FREE // 2**20 + 1


def repeated(values: list[object], times: int) -> pa.Array:
    """Return values as a column that names each of them so many times."""
    return pa.DictionaryArray.from_arrays(np.zeros(times, dtype="int32"), pa.array(values))


def written(path: Path, column: pa.Array) -> Path:
    # Without Arrow's own schema beside it, a reader sees plain values.
    pq.write_table(pa.table({"text": column}), path, compression="zstd", store_schema=False)
    return path


BOMBS = {
    "a long text": repeated([MEGABYTE], TIMES),
    "texts in lists": pa.array([["x" * 2**16] * 64] * (FREE // 2**22 + 1), pa.list_(pa.string())),
    "texts in structs": pa.array([{"inner": "x" * 2**14}] * (FREE // 2**14 + 1)),
    "bytes of one length": pa.array([b"x" * 2**16] * (FREE // 2**16 + 1), pa.binary(2**16)),
    "numbers": pa.array(np.zeros(FREE // 8 + 1)),
}


@pytest.mark.parametrize("column", BOMBS.values(), ids=BOMBS)
def test_a_table_that_holds_far_more_than_its_size_is_refused(tmp_path: Path, column: pa.Array) -> None:
    path = written(tmp_path / "a.parquet", column)
    assert path.stat().st_size * 100 < FREE
    with pytest.raises(Refused, match=rf"The table 'a\.parquet' has .* bytes and holds more than {FREE}"):
        tables.check(path)


def test_what_is_counted_is_what_comes_out(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    words = [f"word {number}" * 5 for number in range(300)]
    rows = [words[number] for number in generator.integers(0, 300, 20_000)]
    table = pa.table(
        {
            "text": rows,
            "number": generator.normal(size=20_000),
            "several": [rows[start : start + 3] for start in range(20_000)],
        }
    )
    path = tmp_path / "honest.parquet"
    pq.write_table(table, path, row_group_size=3000)
    assert sum(tables.unpacked(path)) == pytest.approx(pq.read_table(path).nbytes, rel=0.05)
    tables.check(path)


def test_a_table_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.array(np.arange(10_000)))
    tables.check(path, free=80_000)
    with pytest.raises(Refused, match="than fits on the disk"):
        tables.check(path, free=79_999)


def test_what_is_no_table_or_a_damaged_one_is_for_others_to_judge(tmp_path: Path) -> None:
    (tmp_path / "note.csv").write_text("text\na\n", encoding="utf-8")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + bytes(100))
    for path in tmp_path.iterdir():
        tables.check(path)


def test_a_dataset_with_such_a_table_is_refused_before_it_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    fine = written(tmp_path / "fine.parquet", repeated(["a text"], 1000))
    assert len(open_rows(load(Dataset(path=str(fine)), seed=0))) == 1000
    path = written(tmp_path / "bomb.parquet", repeated([MEGABYTE], TIMES))
    with pytest.raises(Refused, match=r"The table 'bomb\.parquet' .* With dataset\.streaming"):
        load(Dataset(path=str(path)), seed=0)
    assert sum(each.stat().st_size for each in cache.rglob("*") if each.is_file()) < 2**20
