"""Runs made again from their own record: equal to the last bit on the same machine, or said why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks import home as places
from tasks.errors import BadEvaluation, NotFound
from tasks.repetition.reproduction import as_json, note, reproduce
from tasks.tracking import finished, mlflow_store
from tests.runs import tracked
from tests.task_examples import EXAMPLES

VARYING = {"visual-question-answering": ("equal scores",)}
"""ViLT chooses the patches of a padded batch by chance: the last digits of its confidence vary."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_run_made_again_is_equal_to_the_last_bit(demo: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "made").mkdir()
    (run_id,) = tracked(EXAMPLES[name](demo, tmp_path / "made"))
    stored = sorted(Path(places.chunk_store()).rglob("*"))
    made = reproduce(finished.one(run_id))
    assert made.verdict in {"equal", *VARYING.get(name, ())}, (made.sentence, made.shown, made.scores)
    assert all(each.equal for each in made.scores.values())
    assert made.scores
    assert made.environment == {}
    # What was stored is untouched, and what was made is gone.
    assert sorted(Path(places.chunk_store()).rglob("*.parquet")) == [
        path for path in stored if path.suffix == ".parquet"
    ]


@pytest.mark.parametrize(
    "config", ["personal", "photos", "reuters", "speech"], ids=["tags", "photographs", "news", "speech"]
)
@pytest.mark.slow
def test_the_demos_published_models_are_reproduced(
    published: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    from tasks import configs

    monkeypatch.setenv("ASSAY_DEMO", str(published))
    path = Path(__file__).parents[2] / "infra" / "demo" / "evaluations" / f"{config}.yaml"
    given = configs.read(path).model_dump(mode="json")
    given["dataset"]["limit"] = 12
    made = reproduce(finished.one(tracked(given)[0]))
    assert made.verdict == "equal", (made.sentence, made.shown, made.scores)


def classified(folder: Path) -> dict[str, Any]:
    return {
        "task": "text-classification",
        "dataset": {"path": str(folder / "messages"), "split": "test", "limit": 40},
        "columns": {"text": "text", "label": "topic"},
        "models": [str(folder / "topic")],
        "metrics": ["accuracy", "log_loss"],
    }


@pytest.fixture
def lying(demo: Path, tmp_path: Path) -> Path:
    shutil.copytree(demo / "data" / "messages", tmp_path / "messages")
    shutil.copytree(demo / "models" / "messages-topic-large", tmp_path / "topic")
    return tmp_path


def test_what_moved_is_found_where_it_is_said_to_be_and_what_changed_is_refused(
    lying: Path, demo: Path
) -> None:
    (run_id,) = tracked(classified(lying))
    run = finished.one(run_id)
    (lying / "topic").rename(lying / "elsewhere")
    with pytest.raises(NotFound, match=r"There is no model folder .* say where: --model PATH"):
        reproduce(run)
    moved = finished.Recorded(run.run_id, run.record.moved(model=str(lying / "elsewhere")), run.when)
    assert reproduce(moved).verdict == "equal"
    other = str(demo / "models" / "messages-topic-small")
    with pytest.raises(
        BadEvaluation, match=r"is not what was evaluated: its content's digest was \w{12} and"
    ):
        reproduce(finished.Recorded(run.run_id, run.record.moved(model=other), run.when))
    (lying / "messages" / "test" / "more.txt").write_text("more")
    with pytest.raises(
        BadEvaluation, match=r"is not what 'topic' was evaluated on: its content's digest was"
    ):
        reproduce(moved)
    shutil.rmtree(lying / "messages")
    with pytest.raises(NotFound, match=r"say where: --dataset PATH"):
        reproduce(moved)


def test_what_differs_is_counted_shown_and_explained(lying: Path) -> None:
    """The record is made to say something else than what comes out."""
    (run_id,) = tracked(classified(lying))
    store = mlflow_store.client()
    kept = json.loads(Path(store.download_artifacts(run_id, "record.json")).read_text(encoding="utf-8"))
    kept["scores"]["accuracy"]["value"] = 0.125
    kept["made"]["versions"]["torch"] = "1.0.0"
    store.log_dict(run_id, kept, "record.json")
    run = finished.one(run_id)
    (key,) = {each.parent for each in Path(places.chunk_store()).rglob("*.parquet")}
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    (chunk,) = key.glob("*.parquet")
    table = pq.read_table(chunk)
    near = pc.multiply(table["score"], pa.scalar(1.000001, pa.float32()))
    near = pa.chunked_array([[0.5 if row == 7 else each for row, each in enumerate(near.to_pylist())]])
    place = table.column_names.index("score")
    changed = table.set_column(place, table.schema.field("score"), near.cast(pa.float32()))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), chunk)
    made = reproduce(run)
    assert made.verdict == "different"
    assert [name for name, each in made.scores.items() if not each.equal] == ["accuracy"]
    assert 1 < made.differing <= 40
    assert made.rounded == made.differing - 1
    assert len(made.shown) == 10
    assert set(made.shown[0]) == {"row", "score"}
    assert made.environment["torch"][0] == "1.0.0"
    assert "Different: accuracy; " in made.sentence
    written = as_json(made)
    assert json.loads(json.dumps(written, allow_nan=False))["scores"]["accuracy"]["old"] == 0.125
    note(made)
    assert "Different: accuracy" in store.get_run(run_id).data.tags["assay.reproduced"]
