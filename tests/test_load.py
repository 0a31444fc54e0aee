"""Datasets from files and folders: found, pinned, split and sampled."""

from __future__ import annotations

import io
import json
from pathlib import Path

import datasets
import pytest
from PIL import Image

from tasks.errors import BadEvaluation, NotFound, UnknownName, UserError
from tasks.load import load, open_rows
from tasks.spec import Dataset

ROWS = [{"text": f"message {number}", "label": "yes" if number % 2 else "no"} for number in range(20)]


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    path = tmp_path / "messages.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "saved", "folder of files"])
def test_every_kind_of_local_dataset_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    rows = datasets.Dataset.from_list(ROWS)
    path = tmp_path / f"data.{kind}"
    if kind == "csv":
        rows.to_csv(path)
    elif kind == "jsonl":
        rows.to_json(path)
    elif kind == "parquet":
        rows.to_parquet(path)
    elif kind == "saved":
        rows.save_to_disk(path)
    else:
        path.mkdir()
        rows.to_parquet(path / "test.parquet")
    reference = load(Dataset(path=str(path)), seed=0)
    assert reference.rows == 20
    assert open_rows(reference).to_list() == ROWS


def test_a_folder_of_images_is_labelled_by_its_folders(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4)).save(buffer, "PNG")
        (tmp_path / "pets" / label / "one.png").write_bytes(buffer.getvalue())
    rows = open_rows(load(Dataset(path=str(tmp_path / "pets")), seed=0))
    assert rows.features["label"].names == ["cat", "dog"]
    assert rows[0]["image"]["path"] or rows[0]["image"]["bytes"]


def test_a_limit_is_a_seeded_sample_and_not_the_head(jsonl: Path) -> None:
    def texts(seed: int) -> list[str]:
        return list(open_rows(load(Dataset(path=str(jsonl), limit=5), seed=seed))["text"])

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len({*texts(1)}) == 5
    assert texts(0) != [row["text"] for row in ROWS[:5]]


def test_changed_content_changes_the_fingerprint(jsonl: Path) -> None:
    first = load(Dataset(path=str(jsonl)), seed=0)
    jsonl.write_text(jsonl.read_text(encoding="utf-8").replace("message 3", "massage 3"), encoding="utf-8")
    second = load(Dataset(path=str(jsonl)), seed=0)
    assert first.fingerprint != second.fingerprint
    assert open_rows(second)[3]["text"] == "massage 3"


def test_a_split_is_chosen_and_said(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": rows, "validation": rows.select(range(4))}).save_to_disk(tmp_path / "d")
    reference = load(Dataset(path=str(tmp_path / "d")), seed=0)
    assert (reference.split, reference.rows) == ("validation", 4)
    assert "validation was taken" in reference.notes[0]
    assert load(Dataset(path=str(tmp_path / "d"), split="train[5:8]"), seed=0).rows == 3
    with pytest.raises(UnknownName, match=r"there are: train, validation\. Did you mean 'validation'"):
        load(Dataset(path=str(tmp_path / "d"), split="validaton"), seed=0)


def test_a_choice_that_cannot_be_made_is_asked_for(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"north": rows, "south": rows}).save_to_disk(tmp_path / "d")
    with pytest.raises(BadEvaluation, match=r"Name a split .* there are: north, south"):
        load(Dataset(path=str(tmp_path / "d")), seed=0)


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("./nowhere/at.csv", NotFound, "There is no dataset at"),
        ("{here}/messages.jsnl", NotFound, "Did you mean '.*messages.jsonl'"),
        ("{here}/notes.txt", BadEvaluation, r"files that can end in: \.csv"),
        ("{here}", BadEvaluation, "holds no dataset"),
    ],
)
def test_what_is_no_dataset_is_one_sentence(
    tmp_path: Path, path: str, kind: type[UserError], words: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "notes.txt").write_text("x", encoding="utf-8")
    if "jsnl" in path:
        (here / "messages.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(kind, match=words):
        load(Dataset(path=path.format(here=here)), seed=0)


def test_an_empty_or_broken_file_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": \n', encoding="utf-8")
    with pytest.raises(BadEvaluation, match="cannot be read") as caught:
        load(Dataset(path=str(broken)), seed=0)
    assert "\n" not in str(caught.value)


def test_looking_at_a_saved_dataset_changes_neither_it_nor_its_digest(tmp_path: Path) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "d")
    before = {path.name for path in (tmp_path / "d").iterdir()}
    first = load(Dataset(path=str(tmp_path / "d"), limit=7), seed=0)
    open_rows(first).unique("label")
    assert load(Dataset(path=str(tmp_path / "d"), limit=7), seed=0).fingerprint == first.fingerprint
    assert before <= {path.name for path in (tmp_path / "d").iterdir()}
