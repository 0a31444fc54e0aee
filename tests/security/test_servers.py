"""Both servers on addresses that other machines reach: nobody without the password, everything with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flows.serving import protection
from tests.browsers import PATIENCE, chromium
from tests.e2e.installation import Installation

pytestmark = [pytest.mark.slow]

PASSWORD = "a password for this test"
RIGHT = ("assay", PASSWORD)
WRONG: tuple[tuple[str, str] | None, ...] = (
    None,
    ("assay", ""),
    ("assay", "another password"),
    ("admin", PASSWORD),
    ("admin", "password1234"),
)
KEYS = {
    "HF_TOKEN": "hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6g",
    "OPENAI_API_KEY": "sk-" + "planted1planted2planted3",
    "AWS_SECRET_ACCESS_KEY": "planted+secret/of+a/cloud+that+is+not+there",
    "ASSAY_WEBHOOK_SECRET": "planted secret of a webhook",
}
RUNS = "/api/2.0/mlflow/runs/search"


class Reachable(Installation):
    """What `assay ui --host` runs, on all of the machine's addresses; asked here under one of them."""

    def __init__(self, home: Path, demo: Path) -> None:
        super().__init__(home, demo)
        self.start = (*self.start, "--host", "0.0.0.0")
        self.home = home
        self.environment |= {**KEYS, protection.HOSTNAMES: "127.0.0.1", "PREFECT_LOGGING_LEVEL": "DEBUG"}


@pytest.fixture(scope="module")
def installation(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reachable]:
    made = Reachable(tmp_path_factory.mktemp("reachable") / "assay", demo)
    refused = made.assay(*made.start, code=2)
    assert "needs a password in ASSAY_PASSWORD" in refused
    printed = made.assay(*made.start, ASSAY_PASSWORD=PASSWORD)
    assert PASSWORD not in printed
    try:
        yield made
    finally:
        made.assay("ui", "--stop")


@pytest.mark.parametrize("known", WRONG, ids=["none", "empty", "other password", "other user", "old default"])
def test_without_the_password_there_is_nothing_to_see_and_nothing_to_change(
    installation: Reachable, known: tuple[str, str] | None
) -> None:
    prefect, mlflow = installation.prefect, installation.mlflow
    with httpx.Client(auth=known, timeout=300) as client:
        answers = [
            client.post(f"{prefect}/api/flow_runs/filter", json={}),
            client.post(f"{prefect}/api/deployments/filter", json={}),
            client.get(f"{prefect}/api/admin/settings"),
            client.post(f"{prefect}/api/variables/", json={"name": "x", "value": "y"}),
            client.get(f"{mlflow}/"),
            client.post(f"{mlflow}{RUNS}", json={"experiment_ids": ["0"]}),
            client.post(f"{mlflow}/ajax-api/2.0/mlflow/experiments/search", json={"max_results": 1}),
            client.post(f"{mlflow}/graphql", json={"query": "{ test { output } }"}),
            client.get(f"{mlflow}/get-artifact?path=x&run_uuid=y"),
            client.get(f"{mlflow}/api/2.0/mlflow-artifacts/artifacts?path="),
            client.get(f"{mlflow}/signup"),
        ]
    assert {str(each.request.url.path): each.status_code for each in answers if each.status_code != 401} == {}


def test_health_is_answered_to_anyone_and_prefects_empty_page_asks_for_the_password(
    installation: Reachable,
) -> None:
    assert httpx.get(f"{installation.prefect}/api/health", timeout=300).status_code == 200
    assert httpx.get(f"{installation.mlflow}/health", timeout=300).status_code == 200
    said = httpx.get(f"{installation.prefect}/ui-settings", timeout=300).json()
    assert (said["auth"], said["api_url"]) == ("BASIC", f"{installation.prefect}/api")


def test_a_browser_is_let_in_to_both_by_the_password_alone(installation: Reachable) -> None:
    from playwright.sync_api import Error

    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(installation.prefect)
        page.wait_for_url("**/login?**")
        for tried in ("assay:wrong", f"assay:{PASSWORD}"):
            page.locator("input").first.fill(tried)
            page.keyboard.press("Enter")
            if tried.endswith("wrong"):
                page.get_by_text("Invalid credentials").wait_for()
                assert "/login" in page.url
        page.wait_for_url("**/dashboard?**")
        page.get_by_text("Deployments").first.wait_for()
        with pytest.raises(Error, match="INVALID_AUTH_CREDENTIALS"):
            browser.new_page().goto(installation.mlflow)
        known = browser.new_context(http_credentials={"username": "assay", "password": PASSWORD})
        theirs = known.new_page()
        theirs.goto(installation.mlflow)
        theirs.get_by_text("Experiments").first.wait_for(timeout=PATIENCE)


def test_names_that_were_made_to_point_here_and_other_sites_pages_are_refused(
    installation: Reachable,
) -> None:
    with httpx.Client(auth=RIGHT, timeout=300) as client:
        for url in (f"{installation.prefect}/api/flow_runs/filter", f"{installation.mlflow}{RUNS}"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                answer = client.post(url, json={"experiment_ids": ["0"]}, headers=headers)
                assert answer.status_code == 403, (url, headers, answer.text)
        shown = client.get(
            f"{installation.prefect}/api/admin/version", headers={"Origin": "http://evil.example"}
        )
        assert "access-control-allow-origin" not in shown.headers


def test_a_command_without_the_password_says_which_variable_holds_it(installation: Reachable) -> None:
    said = installation.assay("deploy", code=2)
    assert "ask for a password: set ASSAY_PASSWORD to it." in said


@pytest.fixture(scope="module")
def evaluated(installation: Reachable, demo: Path) -> str:
    """The MLflow run of an evaluation sent to both servers, after which another was queued and has ended."""
    config = installation.home.parent / "evaluation.yaml"
    given = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 60},
        "models": [str(demo / "models" / "digits-resnet")],
        "metrics": ["accuracy"],
    }
    config.write_text(json.dumps(given), encoding="utf-8")
    more = {"ASSAY_PASSWORD": PASSWORD, "MLFLOW_TRACKING_URI": installation.mlflow}
    outcome = json.loads(installation.assay("run", str(config), "--json", **more).partition("\n")[0])
    # Queued, it is run by the worker that `assay ui` started, which keeps its scores on the same disk.
    said = installation.assay("submit", str(config), "--wait", ASSAY_PASSWORD=PASSWORD)
    assert f"{installation.prefect}/runs/flow-run/" in said
    assert "completed" in said
    (run,) = outcome["runs"]
    return str(run["mlflow_run_id"])


def test_an_evaluation_passes_through_both_servers(installation: Reachable, evaluated: str) -> None:
    with httpx.Client(auth=RIGHT, timeout=300) as client:
        asked = {"run_id": evaluated}
        found = client.get(f"{installation.mlflow}/api/2.0/mlflow/runs/get", params=asked).json()["run"]
        assert found["info"]["status"] == "FINISHED"
        flows = client.post(f"{installation.prefect}/api/flow_runs/filter", json={}).json()
        assert [each["state_type"] for each in flows] == ["COMPLETED", "COMPLETED"]


def test_no_store_and_no_log_holds_a_key_of_the_environment(installation: Reachable, evaluated: str) -> None:
    holding: dict[str, list[str]] = {each: [] for each in (*KEYS.values(), PASSWORD, evaluated)}
    for path in installation.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for words in holding:
                if words.encode() in content:
                    holding[words].append(path.relative_to(installation.home).as_posix())
    # What was looked through holds what it should.
    assert any("mlflow.db" in name for name in holding.pop(evaluated))
    assert (installation.home / "logs" / "worker.log").stat().st_size
    assert {words: names for words, names in holding.items() if names} == {}


def test_another_password_is_the_one_that_counts_after_the_next_start(installation: Reachable) -> None:
    changed = "another password for this test"
    installation.assay("ui", "--stop")
    installation.assay(*installation.start, ASSAY_PASSWORD=changed)
    url = f"{installation.mlflow}/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.get(url, auth=("assay", changed), timeout=300).status_code == 200
    assert httpx.get(url, auth=RIGHT, timeout=300).status_code == 401
