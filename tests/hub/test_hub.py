"""Models and datasets from a Hub, through the unmodified clients pointed at a local one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from mlflow import MlflowClient

from tests.hub.processes import environment, python
from tests.hub.server import READER, STRANGER, Hub, Repository, folder, running

REPORT = """
import json, sys
from tasks import hub, load
from tasks.errors import UserError
from tasks.inference import checkpoints
from tasks.spec import Dataset
outcomes = {}
for kind, name, revision in json.loads(sys.argv[1]):
    try:
        if kind == "model":
            found = checkpoints.resolve(name, revision).commit
        else:
            found = load.load(Dataset(path=name, revision=revision), 0).revision
    except UserError as error:
        found = f"{type(error).__name__}: {error}"
    outcomes[f"{kind} {name} {revision}"] = found
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def hub(demo: Path) -> Iterator[Hub]:
    """A Hub with a model, a dataset, and repositories that may not be read."""
    made = Hub()
    files = folder(demo / "models" / "messages-topic-small")
    made.add(Repository("models", "acme/topic")).commit(files, tag="v1")
    made.add(Repository("models", "acme/gated", gated=True)).commit(files)
    made.add(Repository("models", "acme/private", private=True)).commit(files)
    made.add(Repository("models", "acme/empty")).commit({"README.md": b"nothing"})
    rows = datasets.load_from_disk(str(demo / "data" / "messages"))["test"].select(range(24))
    buffer = io.BytesIO()
    rows.select_columns(["text", "topic"]).to_parquet(buffer)
    data = {"data/validation-00000-of-00001.parquet": buffer.getvalue(), "README.md": b"# Reviews\n"}
    made.add(Repository("datasets", "acme/reviews")).commit(data)
    made.add(Repository("datasets", "acme/gated-data", gated=True)).commit(data)
    with running(made):
        yield made


RUN = ["-m", "flows.cli", "run", "--task", "text-classification", "--dataset", "acme/reviews"]
FLAGS = ["--split", "validation", "--column", "label=topic", "--model", "acme/topic", "--json"]


def test_an_evaluation_of_hub_ids_is_pinned_reused_and_works_offline(hub: Hub, tmp_path: Path) -> None:
    first = python([*RUN, *FLAGS], environment(hub, tmp_path))
    assert first.returncode == 0, first.stderr
    (run,) = json.loads(first.stdout)["runs"]
    assert (run["model"], run["dataset"], run["rows"], run["reused_rows"]) == (
        "acme/topic",
        "acme/reviews",
        24,
        0,
    )
    stored = MlflowClient(f"sqlite:///{tmp_path / 'assay' / 'mlflow.db'}").get_run(run["mlflow_run_id"])
    model = hub.repositories["models", "acme/topic"]
    assert stored.data.params["model_commit"] == model.names["v1"]
    assert (
        stored.data.params["dataset_revision"] == hub.repositories["datasets", "acme/reviews"].names["main"]
    )

    hub.asked.clear()
    offline = python([*RUN, *FLAGS], environment(hub, tmp_path, HF_HUB_OFFLINE="1"))
    assert offline.returncode == 0, offline.stderr
    (again,) = json.loads(offline.stdout)["runs"]
    assert again["reused_rows"] == 24
    assert again["scores"] == run["scores"]
    assert hub.asked == []

    changed = {**model.commits[model.names["v1"]], "NOTES.md": b"retrained"}
    newer = model.commit(changed)
    third = python([*RUN, *FLAGS], environment(hub, tmp_path))
    model.names["main"] = model.names["v1"]
    assert third.returncode == 0, third.stderr
    assert newer != model.names["v1"]
    assert json.loads(third.stdout)["runs"][0]["reused_rows"] == 0


def test_a_streamed_dataset_is_read_once_and_then_works_offline(hub: Hub, tmp_path: Path) -> None:
    whole = python([*RUN, *FLAGS], environment(hub, tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    streamed = python([*RUN, *FLAGS, "--streaming"], environment(hub, tmp_path))
    assert streamed.returncode == 0, streamed.stderr
    (run,), (expected,) = (json.loads(each.stdout)["runs"] for each in (streamed, whole))
    assert (run["rows"], run["scores"]) == (24, expected["scores"])
    assert not list((tmp_path / "assay" / "datasets").rglob("*.arrow"))

    hub.asked.clear()
    offline = python([*RUN, *FLAGS, "--streaming"], environment(hub, tmp_path, HF_HUB_OFFLINE="1"))
    assert offline.returncode == 0, offline.stderr
    assert json.loads(offline.stdout)["runs"][0]["reused_rows"] == 24
    assert hub.asked == []


def test_what_may_not_be_read_or_is_not_there_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    wanted = [
        ("model", "acme/topic", "v1"),
        ("model", "acme/topic", "v9"),
        ("model", "acme/gated", None),
        ("model", "acme/private", None),
        ("model", "acme/nothing", None),
        ("model", "acme/empty", None),
        ("model", "not a name", None),
        ("dataset", "acme/reviews", None),
        ("dataset", "acme/gated-data", None),
        ("dataset", "acme/nothing", None),
    ]
    done = python(["-c", REPORT, json.dumps(wanted)], environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["model acme/topic v1"] == hub.repositories["models", "acme/topic"].names["v1"]
    assert found["dataset acme/reviews None"] == hub.repositories["datasets", "acme/reviews"].names["main"]
    assert found["model acme/topic v9"] == "NotFound: The model 'acme/topic' has no such revision."
    assert found["model acme/gated None"].startswith("NoAccess: The model 'acme/gated' is gated")
    assert found["model acme/private None"].startswith("NotFound: There is no model 'acme/private'")
    assert "hf auth login" in found["model acme/private None"]
    assert found["model acme/nothing None"].startswith("NotFound: There is no model 'acme/nothing'")
    assert found["model acme/empty None"].startswith("NotFound: 'acme/empty' holds no model")
    assert found["model not a name None"].startswith("NotFound: There is no model 'not a name'")
    assert found["dataset acme/gated-data None"].startswith(
        "NoAccess: The dataset 'acme/gated-data' is gated"
    )
    assert found["dataset acme/nothing None"].startswith("NotFound: There is no dataset 'acme/nothing'")
    assert all("\n" not in sentence for sentence in found.values())


def test_a_hub_out_of_reach_says_so(tmp_path: Path) -> None:
    nowhere = Hub()
    nowhere.address = "http://127.0.0.1:9"
    done = python(
        ["-c", REPORT, json.dumps([("model", "acme/topic", None), ("dataset", "acme/reviews", None)])],
        environment(nowhere, tmp_path),
    )
    assert done.returncode == 0, done.stderr
    for sentence in json.loads(done.stdout).values():
        assert "not in the local cache, and the Hub is out of reach" in sentence


READ = """
import json, sys
from tasks import load
from tasks.errors import UserError
from tasks.spec import Dataset
try:
    config, revision = json.loads(sys.argv[1])
    rows = load.load(Dataset(path="acme/moving", config=config, revision=revision), 0)
    print(json.dumps([rows.revision, list(load.open_rows(rows)["text"])]))
except UserError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
CARD = """---
configs:
- config_name: short
  data_files: short.csv
- config_name: long
  data_files: long.csv
---
"""


def test_the_rows_are_those_of_the_commit_whatever_is_cached_or_out_of_reach(tmp_path: Path) -> None:
    made = Hub()
    moving = made.add(Repository("datasets", "acme/moving"))

    def commit(text: str) -> str:
        csv = f"text,label\n{text},1\n".encode()
        return moving.commit({"README.md": CARD.encode(), "short.csv": csv, "long.csv": csv + csv[11:]})

    def read(revision: str | None = None, config: str | None = "short", **more: str) -> list[object]:
        done = python(["-c", READ, json.dumps([config, revision])], environment(made, tmp_path, **more))
        assert done.returncode == 0, done.stderr
        found: list[object] = json.loads(done.stdout)
        return found

    offline = {"HF_HUB_OFFLINE": "1"}
    with running(made):
        first = commit("old")
        assert read() == [first, ["old"]]
        second = commit("new")
        assert read() == [second, ["new"]]
        assert read(**offline) == [second, ["new"]]
        assert read(first, **offline) == [first, ["old"]]

        third = commit("newest")
        made.ailing = "/resolve/"
        kind, sentence = read()
        assert kind in {"OutOfReach", "NotFound"}
        assert "acme/moving" in str(sentence)
        assert read(**offline) == [second, ["new"]]
        assert read(third, **offline)[0] == "OutOfReach"

        made.ailing = ""
        assert read() == [third, ["newest"]]
        kind, sentence = read(config="long", **offline)
        assert (kind, "short" in str(sentence)) == ("UnknownName", True)
        kind, sentence = read(config=None)
        assert (kind, "short, long" in str(sentence)) == ("BadEvaluation", True)


def test_a_token_opens_what_its_owner_may_read(hub: Hub, tmp_path: Path) -> None:
    wanted = [
        ("model", "acme/gated", None),
        ("model", "acme/private", None),
        ("dataset", "acme/gated-data", None),
    ]
    reader = python(["-c", REPORT, json.dumps(wanted)], environment(hub, tmp_path, HF_TOKEN=READER))
    assert reader.returncode == 0, reader.stderr
    for kind, name, _ in wanted:
        found = json.loads(reader.stdout)[f"{kind} {name} None"]
        assert found == hub.repositories[f"{kind}s", name].main
    stranger = python(["-c", REPORT, json.dumps(wanted)], environment(hub, tmp_path / "b", HF_TOKEN=STRANGER))
    assert stranger.returncode == 0, stranger.stderr
    sentences = json.loads(stranger.stdout)
    assert sentences["model acme/gated None"].startswith("NoAccess")
    assert sentences["dataset acme/gated-data None"].startswith("NoAccess")
    assert sentences["model acme/private None"].startswith("NotFound")
    assert READER not in reader.stdout + reader.stderr
