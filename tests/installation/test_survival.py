"""Every process of a team's installation is killed while evaluations run: none is lost, none runs twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from mlflow import MlflowClient
from prefect.client.schemas.objects import FlowRun, StateType

from tests.installation.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PARTS = ("mlflow", "prefect", "postgres", "supervisor", "sentinel", "worker-1")


@pytest.fixture(scope="module")
def team(demo: Path) -> Iterator[Team]:
    # Not below pytest's own folder: every pytest that starts closes it to other accounts, as PostgreSQL's.
    with tempfile.TemporaryDirectory(prefix="assay-team-") as folder:
        team = Team(Path(folder) / "assay", demo)
        try:
            team.up()
            yield team
        finally:
            team.down()


def parameters(demo: Path, rows: int) -> dict[str, Any]:
    return {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": rows},
        "models": [{"name": str(demo / "models" / "digits-vit-small")}],
        "settings": {"chunk_rows": 2},
    }


def chunks(team: Team) -> int:
    return len(list((team.home / "chunks").rglob("*.parquet")))


def processes_of(run: FlowRun) -> list[psutil.Process]:
    """Return the processes that run it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PREFECT__FLOW_RUN_ID") == str(run.id):
                found.append(process)
    return found


def test_both_pages_answer_and_only_their_owner_reads_the_password(team: Team) -> None:
    for page in (team.commands.prefect, team.commands.mlflow):
        assert "<html" in httpx.get(page, follow_redirects=True, timeout=300).text.lower()
    for path in (team.home / "installation", team.home / "installation" / "parts.json"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    password = (team.home / "installation" / "postgres.password").read_text()
    for pid in team.pids().values():
        assert password not in " ".join(psutil.Process(pid).cmdline())


def test_up_again_says_that_it_runs_and_starts_nothing(team: Team) -> None:
    before = team.pids()
    assert "runs already" in team.up()
    assert team.pids() == before
    assert "assay down" in team.commands.assay("ui", "--stop", code=2)


def test_the_doctor_finds_nothing_wrong_and_then_what_is(team: Team) -> None:
    with team.commands.client() as client:
        # The supervisor knows that a worker lives; that it has come to the queue, only Prefect does.
        until(lambda: client.read_workers_for_work_pool("assay", limit=10, offset=0) or None, team.told)
    found = json.loads(team.commands.assay("doctor", "--json"))
    states = {each["about"]: each["state"] for each in found}
    assert not [each for each in found if each["state"] == "wrong"]
    asked = {"PostgreSQL", "Prefect", "workers", "forms", "automations", "late runs", "MLflow", "artifacts"}
    assert asked <= {about for about, state in states.items() if state == "ok"}
    with team.commands.client() as client:
        client.delete_deployment(client.read_deployment_by_name("suite/suite").id)
    told = team.commands.assay("doctor", code=1)
    assert "WRONG forms: missing: suite/suite -> assay deploy" in told
    team.commands.assay("deploy")
    assert "ok    forms:" in team.commands.assay("doctor")


def test_no_run_is_lost_and_none_is_doubled_whatever_is_killed(team: Team, demo: Path) -> None:
    runs: list[FlowRun] = []
    for part in PARTS:
        # One goes on under several kills; where it was quicker than they came, another begins.
        if not runs or team.read(runs[-1]).state_type in {StateType.COMPLETED, StateType.FAILED}:
            runs.append(team.submit(parameters(demo, 700 + len(runs))))
        before = chunks(team)
        run = runs[-1]
        until(
            lambda before=before, run=run: chunks(team) > before or team.read(run).state.is_final(),
            lambda run=run: f"{team.read(run).state}\n{team.told()}",
        )
        team.kill(part)
    until(lambda: team.works() or None, team.told)
    last = team.submit(parameters(demo, 650))
    # One that is killed before it has begun is not counted.
    until(lambda: team.read(last).state_type is StateType.RUNNING, team.told)
    (process, *_) = until(lambda: processes_of(last), team.told)
    process.kill()
    ended = [team.ended(run) for run in runs]
    assert [run.state_type for run in ended] == [StateType.COMPLETED] * len(runs), [
        run.state for run in ended
    ]
    again = until(
        lambda: found if (found := team.read(last)).state_type is StateType.COMPLETED else None, team.told
    )
    # A process that was killed is followed by another; however many there were, the outcome is there once.
    assert again.run_count > 1
    store = MlflowClient(team.commands.mlflow)
    (experiment,) = [each for each in store.search_experiments() if each.name == "digits"]
    found = store.search_runs([experiment.experiment_id])
    of_models = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    assert len(of_models) == len(runs) + 1
    assert {run.info.status for run in found} == {"FINISHED"}
    assert all("accuracy" in run.data.metrics for run in of_models)


def test_down_copy_and_up_from_the_copy_goes_on_with_what_ran(team: Team, demo: Path) -> None:
    before = chunks(team)
    run = team.submit(parameters(demo, 640))
    until(lambda: chunks(team) > before or None, lambda: f"{team.read(run).state}\n{team.told()}")
    assert "Stopped." in team.down()
    assert not [each.pid for each in psutil.process_iter() if _belongs(each, team)]
    assert "Nothing was running." in team.down()
    copied = team.home.parent / "copy"
    shutil.copytree(team.home, copied)
    shutil.rmtree(team.home)
    team.move(copied)
    team.up()
    # The forms, the runs and the scores are there again, and what ran goes on.
    finished = until(
        lambda: found if (found := team.read(run)).state_type is StateType.COMPLETED else None,
        lambda: f"{team.read(run).state}\n{team.told()}",
    )
    assert finished.run_count > 1
    store = MlflowClient(team.commands.mlflow)
    (experiment,) = [each for each in store.search_experiments() if each.name == "digits"]
    kept = store.search_runs([experiment.experiment_id])
    assert {each.info.status for each in kept} == {"FINISHED"}
    of_models = [each for each in kept if "mlflow.parentRunId" in each.data.tags]
    for each in of_models:
        assert Path(store.download_artifacts(each.info.run_id, "predictions.parquet")).stat().st_size


def _belongs(process: psutil.Process, team: Team) -> bool:
    try:
        return process.environ().get("ASSAY_INSTALLATION") == str(team.home)
    except psutil.Error:
        return False


def test_both_supervisor_and_sentinel_killed_leave_what_down_still_ends(team: Team) -> None:
    pids = team.pids()
    # Stopped first, so that neither sees the other die.
    for name in ("sentinel", "supervisor"):
        os.kill(pids[name], signal.SIGSTOP)
    for name in ("sentinel", "supervisor"):
        os.kill(pids[name], signal.SIGKILL)
    team.up()
    kept = {name: pid for name, pid in pids.items() if name not in {"sentinel", "supervisor"}}
    now = until(lambda: team.pids() if team.works() else None, team.told)
    assert {name: now[name] for name in kept} == kept
