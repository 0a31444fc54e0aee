"""Streamed datasets: the same predictions and scores as when they are read whole, each row read once."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest

from tasks import candidates, columns, load, predict, score
from tasks.candidates import Candidate
from tasks.configs import parse
from tasks.data import streams
from tasks.data.intake import Intake
from tasks.errors import BadEvaluation, BadLabels, UnknownName
from tasks.inference.chunks import Chunk
from tasks.load import RowsReference
from tasks.plan import Plan, requests
from tasks.predict import PredictionsReference
from tasks.score import Judgement
from tasks.spec import Dataset
from tasks.tracking.artifacts import sample_table
from tasks.types import task_type

ROWS = 1000


@pytest.fixture(scope="session")
def parquet(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand messages in a Parquet file of several row groups, with a column that nobody needs."""
    whole = datasets.load_from_disk(str(demo / "data" / "messages"))
    rows = datasets.concatenate_datasets([whole[split] for split in whole])
    rows = rows.select([number % len(rows) for number in range(ROWS)]).flatten_indices()
    rows = rows.add_column("waste", [f"{number}" * 50 for number in range(ROWS)])
    path = tmp_path_factory.mktemp("streamed") / "messages.parquet"
    rows.to_parquet(path, batch_size=100)
    return path


def planned(demo: Path, path: Path, *, model: str = "messages-topic-small", **dataset: Any) -> Plan:
    evaluation = parse(
        {
            "task": "text-classification",
            "dataset": {"path": str(path), **dataset},
            "columns": {"label": "topic"},
            "models": [str(demo / "models" / model)],
            "settings": {"chunk_rows": 64},
        }
    )
    rows = load.load(evaluation.dataset, 0)
    features = load.head_rows(rows).features
    mapping = columns.map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    return Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requests(evaluation))


def judged(plan: Plan) -> tuple[Candidate, PredictionsReference, Judgement]:
    (candidate,) = candidates.decide(plan)
    stored = predict.predict(plan, candidate)
    candidate = candidates.realigned(plan, candidate)
    return candidate, stored, score.score(plan, candidate, stored)


def assert_alike(one: pa.Table, two: pa.Table) -> None:
    """Batches differ by how fast the machine is, and probabilities by them in the last digits."""
    exact = ["row", "label", "tokens", "truncated", "error"]
    assert one.select(exact).equals(two.select(exact))
    assert np.allclose(one["probabilities"].to_pylist(), two["probabilities"].to_pylist(), atol=1e-5)


def never(*_: object, **__: object) -> Any:
    raise AssertionError("it was read or loaded again")


def test_streamed_and_whole_give_the_same_predictions_scores_and_samples(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = planned(demo, parquet, streaming=True)
    assert plan.rows.rows is None
    candidate, streamed, judgement = judged(plan)
    shown = sample_table(plan, candidate, streamed.table())

    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "another"))
    other = planned(demo, parquet)
    assert other.rows.fingerprint == plan.rows.fingerprint
    twin, whole, expected = judged(other)
    assert (streamed.rows, whole.rows) == (ROWS, ROWS)
    assert_alike(streamed.table(), whole.table())
    assert judgement == expected
    expected_sample = sample_table(other, twin, whole.table())
    for name in ("row", "text", "reference", "prediction"):
        assert shown[name] == expected_sample[name]
    assert len(shown["row"]) == 200


def test_a_second_run_reads_nothing_and_predicts_nothing(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, first = judged(planned(demo, parquet, streaming=True))
    monkeypatch.setattr(streams, "tables", never)
    monkeypatch.setattr("tasks.inference.loading.model", never)
    _, stored, again = judged(planned(demo, parquet, streaming=True))
    assert stored.tally.reused == ROWS
    assert again == first


def test_a_second_model_reads_what_the_first_left(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(planned(demo, parquet, streaming=True))
    monkeypatch.setattr(streams, "tables", never)
    _, stored, judgement = judged(planned(demo, parquet, model="messages-topic-large", streaming=True))
    assert (stored.tally.reused, judgement.rows) == (0, ROWS)


def test_predictions_without_their_rows_need_the_stream_and_no_model(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path
) -> None:
    _, _, first = judged(planned(demo, parquet, streaming=True))
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "another machine"))
    monkeypatch.setenv("ASSAY_CHUNKS", str(home / "chunks"))
    monkeypatch.setattr("tasks.inference.loading.model", never)
    _, stored, again = judged(planned(demo, parquet, streaming=True))
    assert (stored.tally.reused, again) == (ROWS, first)


@pytest.mark.parametrize("segment", [100, 20_000])
def test_a_stopped_run_goes_on_where_it_was(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, segment: int
) -> None:
    monkeypatch.setattr("tasks.data.intake.SEGMENT_ROWS", segment)
    monkeypatch.setattr(streams, "BATCH", 50)
    plan = planned(demo, parquet, streaming=True)
    (candidate,) = candidates.decide(plan)
    whole = load.stream

    def broken(rows: RowsReference) -> Generator[pa.Table, None, None]:
        for number, table in enumerate(whole(rows)):
            if number == 9:
                raise ConnectionResetError("the line went dead")
            yield table

    with monkeypatch.context() as patched:
        patched.setattr("tasks.data.intake.stream", broken)
        with pytest.raises(ConnectionResetError):
            predict.predict(plan, candidate)
    stored = predict.predict(plan, candidate)
    assert 0 < stored.tally.reused < ROWS
    found = score.score(plan, candidates.realigned(plan, candidate), stored)
    table = stored.table()
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "another"))
    _, expected, scores = judged(planned(demo, parquet))
    assert_alike(table, expected.table())
    assert found == scores


def test_a_sample_of_a_stream_is_seeded_and_its_own(
    demo: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BUFFER", 400)
    plan = planned(demo, parquet, streaming=True, limit=100)
    _, stored, _ = judged(plan)
    texts = list(load.open_rows(plan.rows)["text"])
    assert (stored.rows, len(texts)) == (100, 100)
    assert any("shuffle buffer of 400 rows" in note for note in plan.notes)
    assert plan.rows.fingerprint != planned(demo, parquet, limit=100).rows.fingerprint
    every = list(datasets.Dataset.from_parquet(str(parquet))["text"])
    assert texts != every[:100]
    assert set(texts) <= set(every)
    assert len({row // 100 for row in map(every.index, texts)}) > 4
    same, other = (load.load(Dataset(path=str(parquet), streaming=True, limit=100), seed) for seed in (0, 1))
    assert same.columns != plan.rows.columns
    monkeypatch.setattr(streams, "BATCH", 7)
    assert [text for table in load.stream(same) for text in table["text"].to_pylist()] == texts
    monkeypatch.setattr(streams, "BATCH", 1000)
    assert next(load.stream(other))["text"].to_pylist() != texts


# The library leaves a CSV file to the garbage collector when a stream of it is closed.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "folder of files", "saved"])
def test_every_kind_of_dataset_can_be_streamed(tmp_path: Path, kind: str) -> None:
    told = [{"text": f"message {number}", "label": "yes" if number % 2 else "no"} for number in range(2300)]
    rows = datasets.Dataset.from_list(told)
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
        rows.select(range(1500)).to_parquet(path / "test-0.parquet")
        rows.select(range(1500, 2300)).to_parquet(path / "test-1.parquet")
    reference = load.load(Dataset(path=str(path), streaming=True), seed=0)
    if kind == "saved":
        assert (reference.streamed, reference.rows) == (False, 2300)
        assert "nothing to stream" in reference.notes[-1]
        return
    assert len(load.head_rows(reference)) == 1000
    intake = Intake(reference, {"text": "text"})
    read = [row for start in range(0, 4000, 700) for row in intake.read(Chunk(start, start + 700))]
    intake.close()
    assert [row["text"] for row in read] == [row["text"] for row in told]
    assert load.count_of(reference) == 2300
    assert load.open_rows(reference).to_list() == told


def test_slices_of_splits(parquet: Path) -> None:
    def texts(split: str) -> list[str]:
        reference = load.load(Dataset(path=str(parquet), split=split, streaming=True), seed=0)
        return [text for table in load.stream(reference) for text in table["text"].to_pylist()]

    every = list(datasets.Dataset.from_parquet(str(parquet))["text"])
    assert texts("train[5:8]") == every[5:8]
    assert texts("train[995:]") == every[995:]
    assert texts("train[:3]") == every[:3]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"split": "test"}, UnknownName, "there are: train"),
        ({"split": "train[:10%]"}, BadEvaluation, r"its slice must be name\[start:stop\] in whole rows"),
        ({"split": "train[-5:]"}, BadEvaluation, r"its slice must be name\[start:stop\] in whole rows"),
        ({"split": "train[2000:]"}, BadEvaluation, "has no rows"),
        ({"revision": "main"}, BadEvaluation, "has no revisions"),
    ],
)
def test_what_cannot_be_streamed_is_one_sentence(
    parquet: Path, change: dict[str, str], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        load.load(Dataset(path=str(parquet), streaming=True, **change), seed=0)


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": \n', encoding="utf-8")
    with pytest.raises(BadEvaluation, match="cannot be read") as caught:
        load.load(Dataset(path=str(broken), streaming=True), seed=0)
    assert "\n" not in str(caught.value)


def test_a_label_that_appears_late_is_found(demo: Path, tmp_path: Path) -> None:
    topics = ["booking", "delay", "lost", "billing"]
    labels = [topics[number % 4] for number in range(1200)]
    path = tmp_path / "late.parquet"
    datasets.Dataset.from_dict({"text": ["a train"] * 1201, "topic": [*labels, "weather"]}).to_parquet(path)
    plan = planned(demo, path, streaming=True)
    (candidate,) = candidates.decide(plan)
    predict.predict(plan, candidate)
    with pytest.raises(BadLabels, match="is called weather"):
        candidates.realigned(plan, candidate)


def test_images_are_streamed_and_only_those_shown_are_kept(demo: Path, home: Path) -> None:
    evaluation = parse(
        {
            "task": "image-classification",
            "dataset": {"path": str(demo / "data" / "digits"), "split": "test"},
            "models": [str(demo / "models" / "digits-resnet")],
        }
    )
    whole = load.open_rows(load.load(evaluation.dataset, 0))
    path = home.parent / "digits.parquet"
    whole.to_parquet(path)
    reference = load.load(Dataset(path=str(path), streaming=True), seed=0)
    with pytest.raises(FileNotFoundError, match="not been read to its end"):
        load.open_rows(reference)
    intake = Intake(reference, {"image": "image"})
    read = intake.read(Chunk(0, len(whole) + 1))
    assert [row["image"]["bytes"] for row in read] == [row["bytes"] for row in whole["image"]]
    kept = load.open_rows(reference)
    assert kept["label"][:] == whole["label"][:]
    assert 24 <= sum(image is not None for image in kept["image"]) < 150
    again = Intake(reference, {"image": "image"})
    assert again.read(Chunk(0, 10)) == read[:10]
    again.close()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_what_changes_its_type_or_holds_nothing_is_one_sentence(tmp_path: Path) -> None:
    drifting, empty = tmp_path / "drifting.csv", tmp_path / "empty.jsonl"
    drifting.write_text("text,label\n" + "a,1\n" * 12_000 + "a,x\n", encoding="utf-8")
    empty.write_text("", encoding="utf-8")
    intake = Intake(load.load(Dataset(path=str(drifting), streaming=True), 0), {"text": "text"})
    with pytest.raises(BadEvaluation, match=r"'.*drifting\.csv' cannot be read: .*int64"):
        intake.finish()
    with pytest.raises(BadEvaluation, match="it is empty"):
        load.load(Dataset(path=str(empty), streaming=True), 0)
