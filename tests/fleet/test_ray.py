"""A Ray cluster of several nodes predicts what one process does, and a lost worker or node loses little."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tasks import candidates, load, predict
from tasks.candidates import Candidate
from tasks.configs import parse
from tasks.errors import BadEvaluation, OutOfReach
from tasks.fleet import cluster, cluster_prediction
from tasks.fleet.cluster_prediction import Member
from tasks.fleet.workers import ROUNDS, WorkersLost
from tasks.plan import Plan
from tests.endpoint.server import Talker
from tests.fleet import talk
from tests.fleet.buckets import bucket
from tests.fleet.nodes import Nodes
from tests.fleet.talk import CHUNK_ROWS, ROWS, right
from tests.fleet.test_workers import planned

pytestmark = pytest.mark.slow


def disturbed(
    nodes: Nodes, plan: Plan, candidate: Candidate, disturb: Callable[[], None]
) -> predict.PredictionsReference:
    """Predict, and disturb it when a few chunks are there and both workers are at it."""
    store = candidates.store_of(plan, candidate)
    seen: list[int] = []

    def watch() -> None:
        while not over.wait(0.05):
            if len(store.names()) >= 4 and len(nodes.predicting()) == 2:
                seen.append(len(store.names()))
                disturb()
                return

    over = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        stored = predict.predict(plan, candidate)
    finally:
        over.set()
        thread.join()
    assert seen
    assert seen[0] < ROWS // CHUNK_ROWS - 4
    return stored


@pytest.mark.parametrize("outside", [False, True], ids=["from a machine of it", "from outside"])
def test_two_nodes_predict_what_one_process_does(
    nodes: Nodes, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outside: bool
) -> None:
    alone = predict.predict(*planned(demo)).table().to_pylist()
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "other"))
    if not outside:
        monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    told: list[int] = []
    plan, candidate = planned(demo, ray=nodes.client if outside else "auto")
    stored = predict.predict(plan, candidate, told.append)
    found = stored.table().to_pylist()
    assert [(row["row"], row["label"], row["error"]) for row in found] == [
        (row["row"], row["label"], row["error"]) for row in alone
    ]
    assert sum(told) == plan.rows.rows == stored.tally.rows
    assert (stored.tally.reused, stored.tally.failed) == (0, 0)
    assert stored.tally.load_seconds > 0
    assert predict.predict(plan, candidate).tally.reused == plan.rows.rows


def test_a_killed_worker_loses_what_it_had_in_hand(nodes: Nodes, tmp_path: Path, talker: Talker) -> None:
    plan, candidate = talk.planned(talk.described(tmp_path, talker, ray=nodes.address))
    stored = disturbed(nodes, plan, candidate, lambda: nodes.predicting()[0].kill())
    assert stored.table()["text"].to_pylist() == right()
    assert ROWS <= len(talker.asked) <= ROWS + 3 * CHUNK_ROWS


def test_a_lost_node_loses_what_it_had_in_hand_and_the_store_may_be_s3(
    nodes: Nodes, tmp_path: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket(monkeypatch) as url:
        monkeypatch.setenv("ASSAY_CHUNKS", url)
        plan, candidate = talk.planned(talk.described(tmp_path, talker, ray=nodes.address))
        stored = disturbed(nodes, plan, candidate, lambda: nodes.lose(0))
        assert stored.table()["text"].to_pylist() == right()
    assert ROWS <= len(talker.asked) <= ROWS + 3 * CHUNK_ROWS


def test_a_node_that_joins_in_the_middle_gets_a_worker(nodes: Nodes, tmp_path: Path, talker: Talker) -> None:
    nodes.fill(1)
    # So slow that one worker would take minutes, until there are two.
    talker.delay = 5.0
    plan, candidate = talk.planned(talk.described(tmp_path, talker, ray=nodes.address))
    seen: list[Sequence[Member]] = []

    def show(members: Sequence[Member]) -> None:
        states = [member.state for member in members]
        if states == ["at work"]:
            nodes.join()
        elif states == ["at work", "at work"]:
            talker.delay = 0.05
        seen.append(members)

    stored = predict.predict(plan, candidate, show=show)
    assert stored.table()["text"].to_pylist() == right()
    assert [member.state for member in seen[-1]] == ["done", "done"]
    assert all(member.share.rows for member in seen[-1])
    assert len(talker.asked) == ROWS


def test_workers_that_are_always_lost_are_one_sentence(
    nodes: Nodes, tmp_path: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_prediction, "CENSUS", 0.5)
    talker.delay = 60.0
    plan, candidate = talk.planned(talk.described(tmp_path, talker, ray=nodes.address, workers=1))
    killed: list[int] = []

    def kill() -> None:
        while not over.wait(0.5):
            for process in nodes.predicting():
                if process.pid not in killed:
                    killed.append(process.pid)
                    process.kill()

    over = threading.Event()
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(WorkersLost, match=r"lost its workers again and again .* 30 chunks short"):
            predict.predict(plan, candidate)
    finally:
        over.set()
        thread.join()
    assert len(killed) == ROUNDS


def test_a_chunk_store_that_no_node_sees_is_one_sentence_before_a_model_loads(
    nodes: Nodes, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A store in the memory of this process: as a folder on a disk of its own is to other machines.
    monkeypatch.setenv("ASSAY_CHUNKS", "memory://chunks")
    plan, candidate = planned(demo, ray=nodes.address)
    with pytest.raises(
        BadEvaluation, match=r"The node .* does not see the chunk store at .* every node shares"
    ):
        predict.predict(plan, candidate)


def test_what_a_cluster_cannot_do_is_one_sentence_before_a_model_loads(
    nodes: Nodes, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadEvaluation, match="has no GPU; it has: 2 CPUs on 3 nodes"):
        planned(demo, ray=nodes.address, device="cuda")
    plan, candidate = planned(demo, ray=nodes.address)
    gone = tmp_path / "gone"
    load.open_rows(plan.rows).save_to_disk(gone)
    moved = load.load(plan.evaluation.dataset.model_copy(update={"path": str(gone), "split": None}), 0)
    (gone / "state.json").write_text("{}")
    with pytest.raises(BadEvaluation, match=r"The node .* does not have the dataset '.*gone' as it is here"):
        predict.predict(Plan(plan.evaluation, moved, plan.mapping, plan.requested), candidate)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "auto"])
def test_an_address_where_no_cluster_is_is_one_sentence(
    demo: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(OutOfReach, match=r"no Ray cluster at '.*127\.0\.0\.1:9'.*`ray start --head` starts"):
        planned(demo, ray=address)


def test_without_ray_it_says_how_to_install_it(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(BadEvaluation, match=r"pip install 'assay\[ray\]'"):
        planned(demo, ray="auto")


def test_devices_and_streams_that_a_cluster_does_not_share_out_are_refused(demo: Path) -> None:
    with pytest.raises(BadEvaluation, match="it can be: auto, cpu, cuda"):
        planned(demo, ray="auto", device="cuda:1")
    settings = parse(
        {
            "task": "text-classification",
            "dataset": {"path": "a/b"},
            "models": ["c/d"],
            "settings": {"ray": "auto"},
        }
    ).settings
    with pytest.raises(BadEvaluation, match="read front to back by one process"):
        cluster.held(settings, streamed=True).__enter__()
