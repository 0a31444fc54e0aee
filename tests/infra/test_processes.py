"""compose.yaml's commands and environment, run as processes (composition.py says what stands in)."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import httpx
import psycopg2
import pytest
import redis
import yaml
from mlflow import MlflowClient
from prefect.automations import AutomationCore, EventTrigger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.events.actions import RunDeployment

from infra.container import migration, probe, secrets
from tests.e2e.installation import until
from tests.infra import chart
from tests.infra.composition import ROOT, Composition

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PROXIED = {"prefect": "ASSAY_PREFECT_HOST", "mlflow": "ASSAY_MLFLOW_HOST"}
QUESTION = {"prefect": "/api/flows/count", "mlflow": "/api/2.0/mlflow/experiments/search"}
ASKED = {"prefect": {}, "mlflow": {"max_results": 1}}
"""What only somebody who is known may ask of each server."""


def assay(installation: Composition, *arguments: str) -> str:
    """Run a command of Assay's as a container beside the workers would."""
    entry = installation.command("worker")[: -len(installation.services["worker"]["command"])]
    done = subprocess.run(
        [*entry, sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env=installation.environment("worker", "console"),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{installation.said('worker')}"
    return done.stdout


def expanded(installation: Composition, service: str) -> dict[str, str]:
    """Return a service's environment as its process sees it."""
    return secrets.expanded(installation.environment(service), installation.secrets)


def objects(installation: Composition, prefix: str) -> list[str]:
    stated = expanded(installation, "worker")
    client = boto3.client(
        "s3",
        endpoint_url=stated["AWS_ENDPOINT_URL"],
        aws_access_key_id=stated["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stated["AWS_SECRET_ACCESS_KEY"],
        region_name=stated["AWS_DEFAULT_REGION"],
    )
    found = client.list_objects_v2(Bucket="assay", Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", [])]


def prefect(installation: Composition) -> SyncPrefectClient:
    stated = expanded(installation, "worker")
    return SyncPrefectClient(stated["PREFECT_API_URL"], auth_string=stated["PREFECT_API_AUTH_STRING"])


def store(installation: Composition, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    stated = expanded(installation, "worker")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, stated[name])
    return MlflowClient(stated["MLFLOW_TRACKING_URI"])


def account(installation: Composition, server: str) -> tuple[str, str]:
    return "assay", (installation.secrets / f"{server}_password").read_text().rstrip("\n")


def direct(installation: Composition, server: str) -> str:
    return f"http://127.0.0.1:{installation.port({'prefect': 4200, 'mlflow': 5000}[server])}"


def outside(installation: Composition, server: str) -> httpx.Client:
    """Return a client that comes through the proxy, as a person's browser does, and trusts its authority."""
    host = installation.environment("proxy")[PROXIED[server]]
    (root,) = Path(installation.environment("proxy")["HOME"]).rglob("root.crt")
    trusted = ssl.create_default_context(cafile=str(root))

    class Named(httpx.HTTPTransport):
        # The name leads to no address on this machine, so it is said beside the address.
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.headers["Host"] = host
            request.extensions = {**request.extensions, "sni_hostname": host}
            return super().handle_request(request)

    address = f"https://127.0.0.1:{installation.port(443)}"
    return httpx.Client(base_url=address, transport=Named(verify=trusted), timeout=60)


def steady(count: Callable[[], int]) -> int:
    """Return a count once it has stayed as it was for a while."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 15:
        time.sleep(1)
        if (now := count()) != last:
            last, since = now, time.monotonic()
    return last


def evaluation(demo: Path, folder: Path, rows: int) -> str:
    """Write an evaluation of the demo's digits, and return its file."""
    file = folder / f"digits-{rows}.yaml"
    asked = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": rows},
        "models": [{"name": str(demo / "models" / "digits-resnet")}],
        "metrics": ["accuracy"],
    }
    file.write_text(yaml.safe_dump(asked), encoding="utf-8")
    return str(file)


def test_an_evaluation_goes_through_every_part(
    installation: Composition, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = assay(installation, "submit", "--wait", evaluation(demo, tmp_path, 10))
    assert "completed" in said
    client = store(installation, monkeypatch)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`assay.kind` = 'run'")
    assert run.info.status == "FINISHED"
    assert 0 < run.data.metrics["accuracy"] <= 1
    # Its files came through MLflow's server, the predictions from the worker itself.
    assert any(run.info.run_id in key for key in objects(installation, "mlflow/"))
    assert any(key.endswith(".parquet") for key in objects(installation, "chunks/"))
    with prefect(installation) as known:
        (only,) = known.read_flow_runs()
    assert (only.run_count, only.state_name) == (1, "Completed")
    # The page it names is the proxy's, which people can reach.
    assert f"https://{installation.environment('proxy')['ASSAY_PREFECT_HOST']}/" in said


def test_a_second_migration_finds_nothing_to_do(installation: Composition) -> None:
    before = installation.said("migration", 100_000)
    assert "database prefect created" in before
    installation.start("migration", "migration-again")
    installation.finished("migration-again")
    after = installation.said("migration-again", 100_000)
    assert "created" not in after
    assert "Creating initial" not in after


@pytest.mark.parametrize("server", sorted(PROXIED))
def test_nobody_comes_in_without_the_password(installation: Composition, server: str) -> None:
    user, password = account(installation, server)
    with (
        outside(installation, server) as proxied,
        httpx.Client(base_url=direct(installation, server)) as inside,
    ):
        for client in (proxied, inside):
            for known, code in ((None, 401), ((user, "wrong"), 401), ((user, password), 200)):
                answer = client.post(QUESTION[server], json=ASKED[server], auth=known, timeout=60)
                assert answer.status_code == code, (server, known is None, answer.text[:500])


def test_the_pages_come_through_the_proxy(installation: Composition) -> None:
    for server in PROXIED:
        with outside(installation, server) as client:
            page = client.get("/", auth=account(installation, server), follow_redirects=True)
        assert page.status_code == 200
        assert "<!doctype html" in page.text.lower()
        assert page.headers["strict-transport-security"]


def test_mlflow_is_asked_by_its_own_names_only(installation: Composition) -> None:
    known = account(installation, "mlflow")
    with httpx.Client(base_url=direct(installation, "mlflow"), auth=known, timeout=60) as client:
        names = expanded(installation, "mlflow")["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
        assert len(names) == 2
        for host, code in ((names[0], 200), (names[1], 200), ("elsewhere.example.org", 403)):
            answer = client.post(QUESTION["mlflow"], json=ASKED["mlflow"], headers={"Host": host})
            assert answer.status_code == code, (host, answer.text[:500])
        # What asks whether it lives may use any name: a kubelet uses the pod's address.
        assert client.get("/health", headers={"Host": "10.0.0.7:5000"}).status_code == 200


def test_prefects_servers_meet_in_redis(installation: Composition) -> None:
    installation.start("services", "services-2")
    url = expanded(installation, "services")["PREFECT_SERVER_DOCKET_URL"]
    with redis.Redis.from_url(url, decode_responses=True) as client:
        # Two servers for the pages and two for what goes on behind them take from one queue.
        until(lambda: client.zcard("prefect-server:workers") >= 4, 300)
        signs = client.zrange("prefect-server:workers", 0, -1)
    environment = {"PREFECT_SERVER_DOCKET_URL": url}
    now = time.time()
    assert probe.services_beat(environment, now, signs[0].partition("#")[0])
    assert not probe.services_beat(environment, now, "another-container")
    assert not probe.services_beat(environment, now + 2 * probe.SILENCE, signs[0].partition("#")[0])


def test_two_schedulers_make_each_slot_once_and_an_event_acts_once(installation: Composition) -> None:
    """Nothing works in this pool, so that what was scheduled stays to be counted."""
    with prefect(installation) as client:
        client.create_work_pool(WorkPoolCreate(name="nobody", type="process"))
        deployment = client.create_deployment(
            client.create_flow_from_name("slots"),
            "slots",
            work_pool_name="nobody",
            schedules=[DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(minutes=7)))],
        )

        def runs(scheduled: bool) -> list[FlowRun]:
            of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
            return [
                run for run in client.read_flow_runs(deployment_filter=of) if run.auto_scheduled is scheduled
            ]

        until(lambda: len(runs(True)) >= 3, 300)
        bell = f"assay.test.{uuid.uuid4().hex}"
        client.create_automation(
            AutomationCore(
                name=bell,
                trigger=EventTrigger(expect={bell}, threshold=1, within=timedelta(0)),
                actions=[RunDeployment(deployment_id=deployment)],
            )
        )

        def ring() -> None:
            event = {
                "id": str(uuid.uuid4()),
                "event": bell,
                "occurred": datetime.now(UTC).isoformat(),
                "resource": {"prefect.resource.id": "assay.test.bell"},
            }
            client.request("POST", "/events", json=[event]).raise_for_status()

        # A new automation takes a moment to be known to every process.
        def heard() -> bool:
            ring()
            time.sleep(5)
            return bool(runs(False))

        until(heard, 300)
        before = steady(lambda: len(runs(False)))
        for _ in range(3):
            ring()
        until(lambda: len(runs(False)) >= before + 3, 300)
        assert steady(lambda: len(runs(False))) == before + 3
        slots = Counter(run.expected_start_time for run in runs(True))
        assert set(slots.values()) == {1}
        due = len(runs(False))
    # What KEDA would ask the database: what is due counts, what is scheduled for later does not.
    (scaled,) = chart.of_kind("autoscaled", "ScaledObject").values()
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    url = expanded(installation, "prefect")[migration.PREFECT]
    with psycopg2.connect(migration.plain(url)) as connection, connection.cursor() as cursor:
        for pool, count in (("nobody", due), ("assay", 0)):
            cursor.execute(query.replace("'assay'", f"'{pool}'"))
            assert cursor.fetchone() == (count,)


def test_a_server_that_dies_is_not_missed(installation: Composition) -> None:
    installation.kill("prefect-2")
    with outside(installation, "prefect") as client:
        for _ in range(10):
            answer = client.post(QUESTION["prefect"], json={}, auth=account(installation, "prefect"))
            assert answer.status_code == 200, answer.text[:500]
