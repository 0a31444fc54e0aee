"""What deploying changes on a real server, and what a worker that starts leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from flows.queue import deployments
from tasks.events.schedules import Entry

pytestmark = pytest.mark.usefixtures("prefect_server")
NIGHTLY = Entry(name="nightly", run="sst2", cron="0 3 * * *")
WEEKLY = Entry(name="weekly", run="emotion", cron="0 4 * * 0")


@pytest.fixture(autouse=True)
def nothing_deployed() -> None:
    with get_client(sync_client=True) as client:
        for each in deployments.on_server(client).values():
            client.delete_deployment(each.id)


def folder_of(name: str) -> str:
    with get_client(sync_client=True) as client:
        return str(client.read_deployment_by_name(name).job_variables["working_dir"])


def test_a_repository_around_it_does_not_make_a_deployment_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository = {
        "SHA": "c0ffee" * 6,
        "REF_NAME": "main",
        "REPOSITORY": "a/b",
        "SERVER_URL": "https://github.com",
    }
    for name, value in repository.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    first = deployments.deploy([NIGHTLY], tmp_path)
    assert set(first.changed) == {*(f"{flow}/{flow}" for flow in deployments.FORMS), "evaluate/nightly"}
    assert deployments.deploy([NIGHTLY], tmp_path).changed == ()


def test_a_start_deploys_all_where_nothing_was(tmp_path: Path) -> None:
    first = deployments.ensure([WEEKLY], tmp_path)
    assert set(first.changed) == {*(f"{flow}/{flow}" for flow in deployments.FORMS), "evaluate/weekly"}
    assert deployments.ensure([WEEKLY], tmp_path).changed == ()


def test_a_start_leaves_alone_what_was_deployed_by_hand(tmp_path: Path) -> None:
    deployments.deploy([NIGHTLY], tmp_path / "by hand")
    again = deployments.ensure([WEEKLY], tmp_path / "elsewhere")
    assert (again.changed, again.removed) == ((), ())
    assert "evaluate/nightly" in again.there
    assert folder_of("evaluate/evaluate") == str(tmp_path / "by hand")
    with get_client(sync_client=True) as client, pytest.raises(ObjectNotFound):
        client.read_deployment_by_name("evaluate/weekly")


def test_a_start_makes_a_form_anew_that_is_gone_or_outdated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployments.deploy([], tmp_path / "by hand")
    with get_client(sync_client=True) as client:
        client.delete_deployment(client.read_deployment_by_name("suite/suite").id)
    # A later version of Assay words its form otherwise.
    monkeypatch.setattr(deployments, "FORMS", {**deployments.FORMS, "evaluate": "Evaluate, as of now."})
    again = deployments.ensure([], tmp_path / "elsewhere")
    assert set(again.changed) == {"evaluate/evaluate", "suite/suite"}
    assert folder_of("evaluate/evaluate") == str(tmp_path / "by hand")
    assert folder_of("suite/suite") == str(tmp_path / "elsewhere")
