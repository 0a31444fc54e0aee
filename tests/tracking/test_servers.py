"""Tracking on a real MLflow server: one that goes away and comes back, and one that asks for a password."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tasks.errors import NoAccess
from tasks.tracking import ledger, outbox, patience
from tests.tracking.material import judged
from tests.tracking.servers import Server

pytestmark = [pytest.mark.slow]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(tmp_path / "server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield made
    made.stop()


def statuses(server: Server) -> dict[str, list[str]]:
    store = MlflowClient(server.url)
    experiments = [each.experiment_id for each in store.search_experiments()]
    found: dict[str, list[str]] = {}
    for run in store.search_runs(experiments):
        found.setdefault(str(run.info.run_name), []).append(run.info.status)
    return found


WHOLE = {
    "image-classification · digits · test": ["FINISHED"],
    "digits-vit-nano": ["FINISHED"],
    "digits-resnet": ["FINISHED"],
}


def test_a_server_that_goes_away_and_comes_back_delays_a_run_and_loses_nothing(
    demo: Path, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ready = judged(demo)
    server.start()
    parent = ready.begin()
    assert parent.run_id
    first = ready.record(parent, 0)
    server.stop()
    back = threading.Timer(3, server.spawn)
    back.start()
    second = ready.record(parent, 1)
    back.join()
    assert first
    assert second
    assert "does not answer; waiting up to" in caplog.text
    server.stop()
    monkeypatch.setenv(patience.VARIABLE, "1")
    with caplog.at_level(logging.WARNING):
        ready.finish(parent, [first, second])
    assert "3 runs wait in" in caplog.text
    assert len(outbox.left_behind()) == 1
    server.start()
    assert outbox.send_left_behind() == 3
    assert statuses(server) == WHOLE
    assert outbox.left_behind() == []
    (run,) = (
        each for each in MlflowClient(server.url).search_runs(["1"], "tags.`assay.model` = 'digits-resnet'")
    )
    assert run.info.run_id == second
    assert "★" in run.data.tags["mlflow.note.content"]
    names = {file.path for file in MlflowClient(server.url).list_artifacts(second)}
    assert {"samples.json", "predictions.parquet", "confusion_matrix.png"} <= names


def test_an_evaluation_without_a_server_is_sent_by_the_next_one(
    demo: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = judged(demo)
    monkeypatch.setenv(patience.VARIABLE, "0")
    began = time.time()
    parent = ready.track()
    assert parent.run_id == ""
    server.start()
    other = judged(demo, limit=20, models=("digits-vit-nano",))
    assert other.track().run_id
    found = statuses(server)
    assert found["digits-resnet"] == ["FINISHED"]
    assert found["digits-vit-nano"] == ["FINISHED"] * 2
    runs = MlflowClient(server.url).search_runs(["1"], "tags.`assay.kind` = 'run'")
    # A run that was sent late says when it was found, not when it was sent.
    assert min(run.info.end_time for run in runs) - began * 1000 < 60_000
    assert list(outbox.box().glob("[!.]*")) == []


def test_what_waits_for_a_server_that_has_moved_is_sent_to_its_new_address(
    demo: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = judged(demo)
    monkeypatch.setenv(patience.VARIABLE, "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    ready.track()
    assert outbox.elsewhere() == {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    assert outbox.elsewhere() == {"http://127.0.0.1:9": 3}
    assert not [path for path in outbox.box().rglob("*.json") if "secret" in path.read_text("utf-8")]
    server.start()
    assert outbox.redirect("http://127.0.0.1:9") == 1
    outbox.send_left_behind()
    assert statuses(server) == WHOLE


def test_a_server_that_asks_for_a_password_gets_it_or_is_named_before_a_model_loads(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{tmp_path / 'auth.db'}\n"
        "admin_username = admin\nadmin_password = a long enough password\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        encoding="utf-8",
    )
    server = Server(
        tmp_path / "server",
        *("--app-name", "basic-auth"),
        environment={"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"},
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    ready = judged(demo, models=("digits-resnet",))
    try:
        server.start()
        with pytest.raises(NoAccess, match="refuses this user; set MLFLOW_TRACKING_USERNAME"):
            ready.begin()
        assert list(outbox.box().glob("[!.]*")) == []
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a long enough password")
        assert ready.track().run_id
        assert statuses(server)["digits-resnet"] == ["FINISHED"]
        assert [each.tag("model") for each in ledger.entries()] == ["digits-resnet"]
    finally:
        server.stop()
