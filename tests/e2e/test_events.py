"""Events on real servers: what is told to people, and what runs because something else happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.serving.companion import free_port
from tests.e2e import inbox
from tests.e2e.conftest import ROOT
from tests.e2e.inbox import Inbox
from tests.e2e.installation import Installation, deployment_id, done, until
from tests.events.test_pushes import MODEL, webhook

pytestmark = pytest.mark.slow

DIGITS = ("--task", "image-classification", "--split", "test", "--metric", "accuracy")


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("notified") / "assay", demo)
    installation.assay(*installation.start)
    try:
        yield installation
    finally:
        installation.assay("ui", "--stop")


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox.webhook() as found:
        yield found


def channels(folder: Path, *asked: dict[str, object]) -> str:
    path = folder / "notifications.yaml"
    path.write_text(yaml.safe_dump({"notifications": list(asked)}), encoding="utf-8")
    return str(path)


def test_people_are_told_who_leads_by_how_much_and_where_to_look(
    installation: Installation, box: Inbox, demo: Path, tmp_path: Path
) -> None:
    team = {"via": "webhook", "address_env": "TEAM_HOOK"}
    with inbox.mail() as letters:
        office = {"on": ["failed"], "via": "apprise", "address_env": "OFFICE_MAIL"}
        file = channels(tmp_path, {"on": ["completed", "failed"], **team}, office)
        sent_by = (
            f"mailto://{letters.address}/?from=assay@example.org&to=a@example.org&mode=insecure&format=text"
        )
        printed = installation.assay("notify", file, TEAM_HOOK=f"{box.address}/secret", OFFICE_MAIL=sent_by)
        assert "assay: tell of completed via custom-webhook/assay-team-hook" in printed
        assert "secret" not in printed

        models = [str(demo / "models" / name) for name in ("digits-resnet", "digits-vit-nano")]
        told = ["--dataset", str(demo / "data" / "digits"), "--limit", "200"]
        two = [part for model in models for part in ("--model", model)]
        outcome = json.loads(installation.assay("run", *DIGITS, *told, *two, "--json").partition("\n")[0])
        (letter,) = box.wait(1)
        assert letter["path"] == "/secret"
        best, other = outcome["runs"]
        score = best["scores"]["accuracy"]
        interval = f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
        assert letter["subject"] == f"digits: digits-resnet leads with accuracy {interval}"
        lines = letter["body"].splitlines()
        assert lines[0] == "image-classification on digits (test, 200 rows)"
        assert f"{other['against_best']['value']:+.3f} [" in lines[2]
        assert "from the best, p = " in lines[2]
        assert f"Prefect: {installation.prefect}/" in lines[3]
        assert lines[4].startswith(f"MLflow: {installation.mlflow}/#/experiments/")
        assert lines[4].endswith(best["mlflow_run_id"])

        installation.assay("run", *DIGITS, *told, "--model", "./no/such/model", code=2)
        (mailed,) = letters.wait(1)
        assert box.wait(2)[1]["subject"] == "Failed: image-classification · digits · 1 model"
        message = message_from_string(mailed)
        assert str(make_header(decode_header(str(message["Subject"])))).startswith("Failed: image-class")
        assert "There is no model folder" in message.get_payload(decode=True).decode()
    # What the file no longer says is no longer told.
    assert "Nobody is told" in installation.assay("notify", channels(tmp_path))


def test_a_run_that_is_killed_is_told_of_and_a_regression_too(
    installation: Installation, box: Inbox, demo: Path, tmp_path: Path
) -> None:
    team = {"on": ["crashed", "regressed"], "via": "webhook", "address_env": "TEAM_HOOK"}
    installation.assay("notify", channels(tmp_path, team), TEAM_HOOK=box.address)
    told = {"task": "text-classification", "dataset": "reviews", "split": "test", "rows": 500, "model": "m"}
    told |= {"score": "accuracy", "old": 0.9, "new": 0.86, "difference": -0.04, "p_value": 0.003}
    told |= {"prefect_run": "http://p/1", "mlflow_run": "http://m/2"}
    emitted = (
        "from prefect.events import emit_event\n"
        "from prefect.events.worker import EventsWorker\n"
        "resource = {'prefect.resource.id': 'assay.history.x', 'prefect.resource.name': 'm on reviews'}\n"
        f"emit_event('assay.evaluation.regressed', resource, payload={told})\n"
        "emit_event('assay.suite.regressed', resource, payload={'model': 'm', 'by': -0.04})\n"
        "EventsWorker.drain_all(timeout=10)\n"
    )
    environment = {**installation.environment, "PREFECT_API_URL": f"{installation.prefect}/api"}
    subprocess.run([sys.executable, "-c", emitted], env=environment, check=True, cwd=ROOT)
    bare, letter = sorted(box.wait(2), key=lambda each: len(each["body"]))
    assert letter["subject"] == "Regressed: m on reviews, accuracy 0.86, was 0.9"
    assert letter["body"].splitlines() == [
        "text-classification on reviews (test, 500 rows)",
        "m: accuracy 0.86, was 0.9; -0.04, p = 0.003",
        "Prefect: http://p/1",
        "MLflow: http://m/2",
    ]
    # An event of someone else's, that brings other facts and no words.
    assert (bare["subject"], bare["body"]) == ("regressed: m on reviews", "model: m\nby: -0.04\n")

    crash = (
        "import os, signal\n"
        "from prefect import flow\n"
        "@flow(name='evaluate', flow_run_name='a long one')\n"
        "def evaluate():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "evaluate()\n"
    )
    subprocess.run([sys.executable, "-c", crash], env=environment, check=False, cwd=ROOT)
    letter = box.wait(3)[2]
    assert letter["subject"] == "Crashed: a long one"
    assert f"Prefect: {installation.prefect}/" in letter["body"]
    assert installation.assay("notify", channels(tmp_path))


def test_a_suite_is_told_as_one(installation: Installation, box: Inbox, demo: Path, tmp_path: Path) -> None:
    team = {"on": ["completed"], "via": "webhook", "address_env": "TEAM_HOOK"}
    installation.assay("notify", channels(tmp_path, team), "--trial", TEAM_HOOK=box.address)
    assert box.wait(1)[0]["subject"] == "Assay can reach you"
    outcome = json.loads(
        installation.assay("suite", "digits-splits", "--limit", "40", "--json").splitlines()[0]
    )
    letter = box.wait(2)[1]
    best = min(outcome["mean_ranks"], key=lambda model: outcome["mean_ranks"][model])
    assert letter["subject"].startswith(f"Suite digits-splits: {best} leads with a mean rank of 1.")
    assert letter["body"].count("accuracy") == 6
    assert f"MLflow: {installation.mlflow}/#/experiments/" in letter["body"]
    assert outcome["model_loads"] == 3
    # Nothing was told of the evaluations inside it: what comes next is the next suite.
    installation.assay("suite", "digits-splits", "--limit", "40")
    assert [each["subject"] for each in box.wait(3)[1:]] == [letter["subject"]] * 2
    installation.assay("notify", channels(tmp_path))


def test_a_suite_runs_from_what_its_form_sends(installation: Installation, demo: Path) -> None:
    entry = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "limit": 40},
        "metrics": [{"name": "accuracy"}],
    }
    given = {
        "name": "from the form",
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
        "settings": {"resamples": 0},
        "evaluations": [
            {**entry, "name": split, "dataset": {**entry["dataset"], "split": split}}
            for split in ("train", "test")
        ],
    }
    with installation.client() as client:
        form = deployment_id(client, "suite/suite")
        run = client.create_flow_run_from_deployment(form, parameters=given)
        finished = until(lambda: done(client.read_flow_run(run.id)))
        assert finished.state_type == StateType.COMPLETED, finished.state
    wanted = {"artifacts": {"key": {"any_": ["scoreboard"]}}, "flow_runs": {"id": {"any_": [str(run.id)]}}}
    (board,) = httpx.post(f"{installation.prefect}/api/artifacts/filter", json=wanted).json()
    assert "digits-resnet" in board["data"]


def test_a_deployment_runs_after_another_has_completed(installation: Installation, tmp_path: Path) -> None:
    served = tmp_path / "served.py"
    served.write_text(
        "from prefect import flow, serve\n"
        "from flows.events.sequels import after\n"
        "@flow(name='first')\n"
        "def first(): ...\n"
        "@flow(name='second')\n"
        "def second(word: str): ...\n"
        "if __name__ == '__main__':\n"
        "    triggers = [after('first/nightly', {'word': 'go'})]\n"
        "    sequel = second.to_deployment('sequel', triggers=triggers)\n"
        "    serve(first.to_deployment('nightly'), first.to_deployment('other'), sequel)\n",
        encoding="utf-8",
    )
    kept = {"PREFECT_API_URL": f"{installation.prefect}/api", "PYTHONPATH": str(ROOT)}
    serving = subprocess.Popen(
        [sys.executable, str(served)], cwd=tmp_path, env={**installation.environment, **kept}
    )
    try:
        with installation.client() as client:
            for name in ("first/other", "first/nightly"):
                started = client.create_flow_run_from_deployment(deployment_id(client, name))
                finished = until(lambda run=started: done(client.read_flow_run(run.id)))
                assert finished.state_type == StateType.COMPLETED
            sequel = FlowFilter(name=FlowFilterName(any_=["second"]))
            wanted = {"flow_filter": sequel, "limit": 10, "sort": FlowRunSort.NAME_ASC}
            (run,) = until(lambda: client.read_flow_runs(**wanted))
            assert until(lambda: done(client.read_flow_run(run.id))).state_type == StateType.COMPLETED
            assert run.parameters == {"word": "go"}
            # Only the deployment that was named has a sequel.
            assert len(client.read_flow_runs(**wanted)) == 1
    finally:
        serving.terminate()
        serving.wait(timeout=300)


def test_a_webhook_starts_the_evaluation_it_calls_for(installation: Installation, tmp_path: Path) -> None:
    rules, port, secret = tmp_path / "triggers.yaml", free_port(), "a secret of the Hub's"
    rules.write_text(yaml.safe_dump({"rules": [{"repo": MODEL, "configs": ["sst2"]}]}), encoding="utf-8")
    told = installation.assay("receive", str(rules), code=2, ASSAY_WEBHOOK_SECRET="short")
    assert "ASSAY_WEBHOOK_SECRET" in told
    receiving = subprocess.Popen(
        installation.command("receive", str(rules), "--port", str(port)),
        cwd=ROOT,
        env={**installation.environment, "ASSAY_WEBHOOK_SECRET": secret},
    )
    try:
        address = f"http://127.0.0.1:{port}"

        def there() -> bool:
            try:
                return httpx.get(f"{address}/health").is_success
            except httpx.ConnectError:
                return False

        until(there)
        assert httpx.post(address, json=webhook()).status_code == 401
        answer = httpx.post(address, json=webhook(), headers={"X-Webhook-Secret": secret}, timeout=300)
        assert answer.status_code == 202, answer.text
        (run,) = answer.json()["runs"]
        with installation.client() as client:
            found = client.read_flow_run(run["run"])
            assert found.parameters["models"][0]["revision"] == "575db8b7a5"
            # The form's process takes it up; the Hub is out of reach here, and the run says so.
            assert until(lambda: done(client.read_flow_run(run["run"]))).state_type == StateType.FAILED
    finally:
        receiving.terminate()
        receiving.wait(timeout=300)
