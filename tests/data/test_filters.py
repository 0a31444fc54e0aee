"""Rows chosen by what their columns hold: the same whole and streamed, part of the rows' identity."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from flows.commands.run import _filters
from tasks import load
from tasks.configs import parse
from tasks.errors import BadEvaluation, UnknownName, UserError
from tasks.spec import Dataset

LABEL = datasets.ClassLabel(names=["bad", "good"])
LANGUAGES = ["sw", "en", "yo", "sw"]


@pytest.fixture
def parquet(tmp_path: Path) -> str:
    count = 40
    rows = datasets.Dataset.from_dict(
        {
            "id": list(range(count)),
            "language": [LANGUAGES[number % 4] for number in range(count)],
            "label": [number % 2 for number in range(count)],
            "meta": [{"source": "web" if number < 10 else "book"} for number in range(count)],
            "tags": [["x", "y"] if number % 5 == 0 else ["z"] for number in range(count)],
        }
    ).cast_column("label", LABEL)
    rows.to_parquet(tmp_path / "rows.parquet", batch_size=10)
    return str(tmp_path / "rows.parquet")


def ids(path: str, *, streaming: bool, **more: Any) -> list[int]:
    """Return the ids of the rows that a dataset gives."""
    rows = load.load(Dataset(path=path, streaming=streaming, **more), 0)
    if not streaming:
        assert load.open_rows(rows).num_rows == rows.rows
        return list(load.open_rows(rows)["id"])
    head = list(load.head_rows(rows)["id"])
    # The id alone is wanted, so that what filters read has to be read for them.
    narrow = replace(rows, columns=("id",))
    whole = [each for table in load.stream(narrow) for each in table["id"].to_pylist()]
    assert all(table.column_names == ["id"] for table in load.stream(narrow))
    assert more.get("limit") or head == whole
    return whole


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({"language": "sw"}, lambda number: number % 4 in {0, 3}),
        ({"language": ["en", "yo"]}, lambda number: number % 4 in {1, 2}),
        ({"label": "good"}, lambda number: number % 2 == 1),
        ({"meta.source": "web"}, lambda number: number < 10),
        ({"id": {"min": 5, "max": 7}}, lambda number: 5 <= number <= 7),
        ({"id": [3, "4"]}, lambda number: number in {3, 4}),
        ({"tags": "y"}, lambda number: number % 5 == 0),
        ({"language": "sw", "label": "bad"}, lambda number: number % 4 == 0),
    ],
)
def test_rows_that_pass(parquet: str, streaming: bool, filters: dict[str, Any], passes: Any) -> None:
    assert ids(parquet, streaming=streaming, filters=filters) == [each for each in range(40) if passes(each)]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_sample_is_drawn_from_the_rows_that_pass(parquet: str, streaming: bool) -> None:
    found = ids(parquet, streaming=streaming, filters={"language": "sw"}, limit=6)
    assert len(set(found)) == 6
    assert all(each % 4 in {0, 3} for each in found)


def test_filters_are_part_of_what_rows_are(parquet: str) -> None:
    whole = load.load(Dataset(path=parquet), 0)
    some = load.load(Dataset(path=parquet, filters={"label": ["good"]}), 0)
    same = load.load(Dataset(path=parquet, filters={"label": "good"}), 0)
    assert some.fingerprint == same.fingerprint != whole.fingerprint
    assert any("20 of 40 rows pass the filters: label good" in note for note in some.notes)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("filters", "kind", "words"),
    [
        ({"langage": "sw"}, UnknownName, ["'langage'", "Did you mean 'language'"]),
        ({"language": {"min": 1}}, BadEvaluation, ["'language'", "no numbers"]),
        ({"meta": "web"}, BadEvaluation, ["'meta'", "neither text nor numbers"]),
    ],
)
def test_a_filter_that_cannot_be_is_one_sentence(
    parquet: str, streaming: bool, filters: dict[str, Any], kind: type[UserError], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        load.load(Dataset(path=parquet, streaming=streaming, filters=filters), 0)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_no_rows_left_says_what_there_is(parquet: str) -> None:
    for filters, words in [
        ({"language": "swa"}, ["swa in 'language'", "there are: sw, en, yo", "Did you mean 'sw'"]),
        ({"label": "1"}, ["1 in 'label'", "bad, good"]),
        ({"id": {"min": 100}}, ["100 to …", "from 0 to 39"]),
        ({"language": "en", "label": "bad"}, ["together"]),
    ]:
        with pytest.raises(BadEvaluation) as caught:
            load.load(Dataset(path=parquet, filters=filters), 0)
        assert all(word in str(caught.value) for word in words), str(caught.value)
    with pytest.raises(BadEvaluation, match="passes the filters: language sv"):
        load.load(Dataset(path=parquet, filters={"language": "sv"}, streaming=True), 0)


def test_a_filter_of_another_form_is_refused() -> None:
    for wrong in ({"least": 1}, {}, [], [{"a": 1}], {"min": "a"}):
        with pytest.raises(UserError, match="the filter of 'length' is a value"):
            parse(
                {
                    "task": "summarization",
                    "dataset": {"path": "a", "filters": {"length": wrong}},
                    "models": ["b"],
                }
            )


def test_flags_say_the_same() -> None:
    assert _filters(["language=sw", "label=a", "label=b", "n=1..5", "m=2.."]) == {
        "language": ["sw"],
        "label": ["a", "b"],
        "n": {"min": 1.0, "max": 5.0},
        "m": {"min": 2.0},
    }
    with pytest.raises(BadEvaluation, match="column=value"):
        _filters(["language"])


def test_a_file_of_the_whole_splits_predictions_fits_a_part_of_it(tmp_path: Path) -> None:
    from tests.types.judging import judged, saved

    texts = [f"text {number}" for number in range(8)]
    data = {"text": texts, "label": ["x", "y"] * 4, "language": ["a"] * 3 + ["b"] * 5}
    said = ["x", "y", "x", "x", "x", "y", "x", "y"]
    file = tmp_path / "mine.jsonl"
    path = saved(tmp_path / "data", data)
    for keys in ([{}] * 8, [{"row": number} for number in range(8)]):
        lines = [json.dumps({**key, "prediction": each}) for key, each in zip(keys, said, strict=True)]
        file.write_text("\n".join(lines), encoding="utf-8")
        _, rows = judged(
            {
                "task": "text-classification",
                "dataset": {"path": path, "filters": {"language": "b"}},
                "models": [{"predictions": str(file)}],
            }
        )
        assert [row["label"] for row in rows] == said[3:]
