"""Workers that share a queue: no run is taken twice, none is lost, and a cancelled one leaves its chunks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow import MlflowClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelling

from flows.queue import slots
from tests.e2e.conftest import ROOT
from tests.e2e.installation import Installation, deployment_id, done, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("workers") / "assay", demo)
    # Two, because what a killed worker held stays taken until its lease has run out.
    installation.environment[slots.CPU_SLOTS] = "2"
    installation.assay(*installation.start)
    with installation.client() as client:
        # What `assay ui` starts deploys before it works.
        deployment_id(client, "evaluate/evaluate")
    try:
        yield installation
    finally:
        installation.assay("ui", "--stop")


def parameters(demo: Path, *models: str, **more: Any) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", **more},
        "models": [{"name": str(demo / "models" / name)} for name in models],
        "settings": {"chunk_rows": 4},
    }


def start(installation: Installation, given: dict[str, Any]) -> FlowRun:
    with installation.client() as client:
        identity = deployment_id(client, "evaluate/evaluate")
        return client.create_flow_run_from_deployment(identity, parameters=given)


def end(installation: Installation, run: FlowRun) -> FlowRun:
    def ended() -> FlowRun | None:
        with installation.client() as client:
            return done(client.read_flow_run(run.id))

    return until(ended, seen=installation.seen)


@contextmanager
def hired(installation: Installation, name: str) -> Iterator[None]:
    """Have one more worker while the context is open."""
    worker = subprocess.Popen(
        installation.command("worker", "--name", name),
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(300)


def taken(installation: Installation) -> int:
    """Return how many slots of the processor are held."""
    with installation.client() as client:
        return client.read_global_concurrency_limit_by_name(slots.limit_name("cpu")).active_slots


def reuse(installation: Installation, run: FlowRun) -> str | None:
    """Return the line of a run's log that says what it reused; a run's last lines come after its end."""
    with installation.client() as client:
        said = client.request("POST", "/logs/filter", json={"logs": {"flow_run_id": {"any_": [str(run.id)]}}})
    return next((each["message"] for each in said.json() if "of them reused" in each["message"]), None)


def test_a_cancelled_run_stops_frees_its_device_and_its_chunks_are_reused(
    installation: Installation, demo: Path
) -> None:
    given = parameters(demo, "digits-vit-small")
    run = start(installation, given)
    chunks = Path(installation.environment["ASSAY_HOME"]) / "chunks"
    until(lambda: list(chunks.rglob("*.parquet")), seen=installation.seen)
    assert taken(installation) == 1
    with installation.client() as client:
        client.set_flow_run_state(run.id, Cancelling())
    stopped = end(installation, run)
    assert stopped.state_type is StateType.CANCELLED
    until(lambda: taken(installation) == 0 or None, seen=installation.seen)
    kept = len(list(chunks.rglob("*.parquet")))
    store = MlflowClient(installation.mlflow)

    def parents() -> list[Any]:
        experiment = store.get_experiment_by_name("digits")
        return store.search_runs([experiment.experiment_id], "tags.`assay.kind` = 'evaluation'")

    assert [parent.info.status for parent in parents()] == ["KILLED"]
    again = end(installation, start(installation, given))
    assert again.state_type is StateType.COMPLETED, again.state
    # The same evaluation goes on in the run that was stopped.
    assert [parent.info.status for parent in parents()] == ["FINISHED"]
    line = until(lambda: reuse(installation, again), seen=installation.seen)
    assert f"{min(4 * kept, 719)} of them reused" in line


def test_two_workers_take_no_run_twice(installation: Installation, demo: Path) -> None:
    with hired(installation, "second"):
        runs = [start(installation, parameters(demo, "digits-resnet", limit=20 + more)) for more in range(4)]
        ended = [end(installation, run) for run in runs]
    assert [run.state_type for run in ended] == [StateType.COMPLETED] * 4
    assert [run.run_count for run in ended] == [1] * 4


def test_a_process_that_was_thought_lost_ends_where_another_has_begun_its_run(
    installation: Installation, demo: Path
) -> None:
    home = Path(installation.environment["ASSAY_HOME"])
    worker = psutil.Process(json.loads((home / "servers.json").read_text())["worker_pid"])
    model = home / "models" / "asleep"
    shutil.copytree(demo / "models" / "digits-vit-small", model)
    with (model / "config.json").open("a", encoding="utf-8") as config:
        config.write("\n ")
    before = {each.pid for each in worker.children(recursive=True)}
    run = start(installation, {**parameters(demo), "models": [{"name": str(model)}]})
    store = MlflowClient(installation.mlflow)

    def mine() -> list[Any]:
        wanted = f"tags.`assay.prefect_run` = '{run.id}'"
        experiments = [each.experiment_id for each in store.search_experiments()]
        return list(store.search_runs(experiments, wanted))

    # Its parent run is there: it is at work, and has not ended.
    until(mine, seen=installation.seen)
    asleep = [each for each in worker.children(recursive=True) if each.pid not in before]
    # The one the worker started stands in for the one its nursery forked.
    commands = " ".join(word for each in asleep for word in each.cmdline())
    assert "stand_in.py" in commands
    assert "flows.nursery.service" in commands
    for each in asleep:
        each.suspend()
    # The worker that has it does not take it again.
    with hired(installation, "awake"):
        try:
            with installation.client() as client:
                client.set_flow_run_state(run.id, AwaitingRetry(), force=True)

                def begun_again() -> bool:
                    return client.read_flow_run(run.id).run_count == 2

                until(begun_again, seen=installation.seen)
        finally:
            for each in asleep:
                each.resume()
        ended = end(installation, run)
    assert ended.state_type is StateType.COMPLETED, ended.state
    assert ended.run_count == 2
    until(lambda: not any(each.is_running() for each in asleep), seen=installation.seen)
    kinds = sorted((each.data.tags["assay.kind"], each.info.status) for each in mine())
    assert kinds == [("evaluation", "FINISHED"), ("run", "FINISHED")]


def test_a_run_whose_worker_is_killed_is_marked_and_goes_on_with_another(
    installation: Installation, demo: Path
) -> None:
    workers: list[subprocess.Popen[bytes]] = []

    def hire(name: str) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            installation.command("worker", "--name", name),
            cwd=ROOT,
            env=installation.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        workers.append(worker)
        return worker

    servers = json.loads((Path(installation.environment["ASSAY_HOME"]) / "servers.json").read_text())
    os.killpg(servers["worker_pid"], signal.SIGKILL)
    try:
        hire("to be lost")
        model = Path(installation.environment["ASSAY_HOME"]).parent / "another"
        shutil.copytree(demo / "models" / "digits-vit-small", model)
        # Another model than before, so that nothing is reused but what this run finishes.
        with (model / "config.json").open("a", encoding="utf-8") as config:
            config.write("\n")
        given = {**parameters(demo), "models": [{"name": str(model)}]}
        run = start(installation, given)
        store = Path(installation.environment["ASSAY_HOME"]) / "chunks"
        before = set(store.rglob("*.parquet"))
        until(lambda: set(store.rglob("*.parquet")) - before, seen=installation.seen)
        process = psutil.Process(workers[0].pid)
        for each in [*process.children(recursive=True), process]:
            each.kill()
        hire("the other")
        with installation.client() as client:

            def names() -> list[str]:
                answer = client.request("GET", "/flow_run_states/", params={"flow_run_id": str(run.id)})
                return [state["name"] for state in answer.json()]

            finished = until(
                lambda: found if (found := client.read_flow_run(run.id)).state.is_completed() else None,
                seen=installation.seen,
            )
            assert {"Crashed", "AwaitingRetry"} <= set(names())
        assert finished.run_count == 2
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGTERM)
            worker.wait(300)
