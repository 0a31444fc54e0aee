"""The reevaluate flow: nothing changed, a model got worse, a dataset grew, in real Prefect and MLflow."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest
from prefect.client.orchestration import get_client
from safetensors.torch import load_file, save_file

from flows.reevaluation import REGRESSED, reevaluate
from tasks.configs import parse
from tasks.repetition import changes
from tasks.repetition.reevaluation import Reevaluation
from tasks.repetition.reevaluation_report import as_json, markdown, sentences
from tasks.spec import Dataset, Metric, Model
from tasks.tracking import finished, history, mlflow_store
from tests.runs import tracked

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def rows(demo: Path) -> list[dict[str, Any]]:
    data = datasets.load_from_disk(str(demo / "data" / "messages"))["test"]
    names = data.features["topic"].names
    return [{"text": row["text"], "topic": names[row["topic"]]} for row in data.select(range(110))]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def given(demo: Path, tmp_path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    shutil.copytree(demo / "models" / "messages-topic-large", tmp_path / "topic")
    write(tmp_path / "messages.jsonl", rows[:100])
    return {
        "task": "text-classification",
        "dataset": Dataset(path=str(tmp_path / "messages.jsonl")),
        "models": [Model(name=str(tmp_path / "topic"))],
        "columns": {"text": "text", "label": "topic"},
        "metrics": [Metric(name="accuracy"), Metric(name="f1")],
    }


def looked(given: dict[str, Any]) -> list[changes.Looked]:
    return changes.look(parse({name: _plain(value) for name, value in given.items()}))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


def worsen(folder: Path) -> None:
    """Make a classifier confuse its labels."""
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("classifier.bias"))
    weights[name] = weights[name] + 8 * (weights[name] == weights[name].min())
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


async def events(name: str) -> list[dict[str, Any]]:
    """Return the events of a name; they reach the server a moment after they are emitted."""
    async with get_client() as client:
        for _ in range(60):
            wanted = {"filter": {"event": {"name": [name]}}}
            answer = await client._client.post("/events/filter", json=wanted)
            if found := answer.json()["events"]:
                return list(found)
            await asyncio.sleep(0.5)
    return []


def points(run_id: str, key: str) -> list[tuple[int, float]]:
    found = mlflow_store.client().get_metric_history(run_id, key)
    return sorted((each.step, each.value) for each in found)


def runs() -> int:
    store = mlflow_store.client()
    return len(store.search_runs([each.experiment_id for each in store.search_experiments()]))


def test_a_model_that_got_worse_is_found_and_told_and_in_the_history(
    given: dict[str, Any], tmp_path: Path
) -> None:
    first = reevaluate(**given)
    (began,) = first.models
    assert began.changed == ("it has not been evaluated so before",)
    assert (began.rows, began.predicted, began.verdicts) == (100, 100, ())
    worsen(tmp_path / "topic")
    found = reevaluate(**given)
    (model,) = found.models
    assert found.regressed == (model,)
    assert "the model (" in model.changed[0]
    assert (model.compared, model.predicted) == (100, 100)
    assert model.previous_run_id == began.run_id
    old, new = (finished.one(run_id).record.scores for run_id in (began.run_id, model.run_id))
    for verdict in model.verdicts:
        assert verdict.verdict == "regressed"
        assert (verdict.old, verdict.new) == (old[verdict.score].value, new[verdict.score].value)
        assert verdict.difference.value == pytest.approx(verdict.new - verdict.old)
    assert model.history_run_id == began.history_run_id
    assert points(model.history_run_id, "accuracy") == [
        (0, old["accuracy"].value),
        (1, new["accuracy"].value),
    ]
    payloads = {each["payload"]["score"]: each["payload"] for each in asyncio.run(events(REGRESSED))}
    assert payloads["accuracy"]["new"] == new["accuracy"].value
    assert payloads["accuracy"]["model"] == "topic"
    assert model.run_id in payloads["accuracy"]["mlflow_run"]
    assert "accuracy REGRESSED" in sentences(found)[0]
    assert "**regressed**" in markdown(found)
    assert json.loads(json.dumps(as_json(found), allow_nan=False))["models"][0]["verdicts"]
    # Within a margin that wide, anything is the same.
    worsen(tmp_path / "topic")
    again = reevaluate(**given, margin=1.0)
    assert {verdict.verdict for verdict in again.models[0].verdicts} == {"same"}


def test_where_nothing_changed_nothing_is_computed(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = reevaluate(**given).models
    before = runs()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    monkeypatch.setattr("tasks.load.load", never)
    monkeypatch.setattr("tasks.inference.loading.model", never)
    found = reevaluate(**given)
    (again,) = found.models
    assert not found.changed
    assert (again.changed, again.run_id) == ((), first.run_id)
    assert "nothing changed since run" in sentences(found)[0]
    assert runs() == before
    # On another machine, MLflow knows.
    for note in history._note("x").parent.glob("*.json"):
        note.unlink()
    (look,) = looked(given)
    assert look.changed == ()
    # The metrics are part of what matters, how many rows make a chunk is not.
    (look,) = looked({**given, "settings": {"chunk_rows": 7}})
    assert look.changed == ()
    (look,) = looked({**given, "metrics": [Metric(name="accuracy")]})
    assert look.changed == ("the metrics, or how they are judged",)


def test_of_a_dataset_that_grew_only_the_new_rows_are_predicted(
    given: dict[str, Any], tmp_path: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reevaluate(**given)
    write(tmp_path / "messages.jsonl", rows)
    ran: list[int] = []
    compute = __import__("tasks.predict", fromlist=["compute"]).compute

    def counted(plan: Any, candidate: Any, chunks: Any, advance: Any) -> Any:
        listed = list(chunks)
        ran.extend(row for chunk in listed for row in range(chunk.start, chunk.stop))
        return compute(plan, candidate, listed, advance)

    monkeypatch.setattr("tasks.predict.compute", counted)
    (grown,) = reevaluate(**given).models
    assert (grown.rows, grown.predicted, grown.compared) == (110, 10, 100)
    assert ran == list(range(100, 110))
    assert {verdict.difference.value for verdict in grown.verdicts} == {0.0}
    assert {verdict.verdict for verdict in grown.verdicts} == {"same"}
    # Rows that moved, one whose text changed and one whose label did: one is predicted, 108 are compared.
    moved = [dict(row) for row in [*rows[50:], *rows[:50]]]
    moved[3]["text"] += " indeed"
    moved[5]["topic"] = next(row["topic"] for row in rows if row["topic"] != moved[5]["topic"])
    write(tmp_path / "messages.jsonl", moved)
    ran.clear()
    (shuffled,) = reevaluate(**given).models
    assert ran == [3]
    assert (shuffled.predicted, shuffled.compared) == (1, 108)
    alone = tracked(
        {
            **{name: _plain(value) for name, value in given.items()},
            "settings": {"reuse": False, "experiment": "alone"},
        }
    )
    fresh = finished.answers(finished.one(alone[0])).to_pydict()
    carried = finished.answers(finished.one(shuffled.run_id)).to_pydict()
    assert carried["label"] == fresh["label"]
    assert points(shuffled.history_run_id, "accuracy")[-1][0] == 2


def test_a_run_from_before_its_history_is_what_the_first_re_evaluation_is_compared_with(
    given: dict[str, Any], tmp_path: Path
) -> None:
    (run_id,) = tracked({name: _plain(value) for name, value in given.items()})
    (look,) = looked(given)
    assert look.last is not None
    assert (look.last.run_id, look.changed) == (run_id, ("its history begins",))
    worsen(tmp_path / "topic")
    found: Reevaluation = reevaluate(**given)
    assert found.models[0].previous_run_id == run_id
    assert len(found.models[0].regressions) == 2
