"""The chart against Kubernetes' schemas, and against compose.yaml, which is the one that was run."""

from __future__ import annotations

import re
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from tests.infra import chart
from tests.infra.chart import CHART, VALUES
from tests.infra.composition import read

OURS = ("migration", "deployment", "prefect", "services", "mlflow", "worker")
OLDEST, NEWEST = "1.27.0", "1.37.0"
each_way = pytest.mark.parametrize("values", VALUES)


def test_helm_finds_nothing_wrong() -> None:
    findings = helm_python.lint(str(CHART))
    assert "ERROR" not in str(findings), findings
    assert "WARNING" not in str(findings), findings


@pytest.mark.parametrize(("values", "version"), [("as it is", OLDEST), *((name, NEWEST) for name in VALUES)])
def test_every_document_is_one_that_kubernetes_takes(values: str, version: str) -> None:
    for document in chart.documents(values):
        if not document["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(document, version, strict=True)


def test_a_document_with_an_unknown_key_is_not_one() -> None:
    (document,) = [each for each in chart.documents("as it is") if each["kind"] == "Ingress"]
    wrong = {**document, "spec": {**document["spec"], "hosts": []}}
    with pytest.raises(kubernetes_validate.ValidationError, match=r"(?i)additional"):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


@each_way
def test_no_pod_may_do_more_than_it_needs(values: str) -> None:
    for part, pod in chart.pods(values).items():
        assert pod["automountServiceAccountToken"] is False, part
        assert pod["securityContext"]["runAsNonRoot"] is True, part
        for each in [*pod["containers"], *pod.get("initContainers", [])]:
            assert each["securityContext"]["readOnlyRootFilesystem"] is True, part
            assert each["securityContext"]["allowPrivilegeEscalation"] is False, part
            assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}, part
            assert {"cpu", "memory"} <= set(each["resources"]["requests"]), part
            assert "memory" in each["resources"]["limits"], part


@each_way
def test_what_runs_on_is_probed_and_budgeted(values: str) -> None:
    budgets = chart.of_kind(values, "PodDisruptionBudget")
    for name, document in chart.of_kind(values, "Deployment").items():
        (each,) = document["spec"]["template"]["spec"]["containers"]
        assert {"livenessProbe", "startupProbe"} <= set(each), name
        labels = document["spec"]["template"]["metadata"]["labels"]
        assert chart.matching(labels, budgets[name]["spec"]["selector"]["matchLabels"]), name
        assert chart.matching(labels, document["spec"]["selector"]["matchLabels"]), name


@each_way
def test_every_service_leads_to_a_port_of_its_pods(values: str) -> None:
    for service in chart.of_kind(values, "Service").values():
        part = service["spec"]["selector"]["app.kubernetes.io/component"]
        names = {port["name"] for port in chart.container(values, part)["ports"]}
        assert {port["name"] for port in service["spec"]["ports"]} <= names


@each_way
def test_no_secret_is_in_the_chart(values: str) -> None:
    assert not chart.of_kind(values, "Secret")
    for part in chart.parts(values):
        for each in chart.container(values, part).get("env", []):
            if re.search(r"PASSWORD$|SECRET|AUTH_STRING$|TOKEN$", each["name"]):
                assert "<secret:" in each.get("value", "") or "secretKeyRef" in each["valueFrom"], each
    for address in re.findall(r"://[^/\s\"]+?:([^@\s\"]+)@", yaml.safe_dump_all(chart.documents(values))):
        assert address.startswith("<secret:")


def renamed(value: str) -> str:
    """Return a value of compose.yaml as the chart says it."""
    for service in ("postgres", "valkey", "s3", "prefect", "mlflow"):
        value = re.sub(rf"\b{service}:(\d+)", rf"{chart.NAME}-{service}:\1", value)
    return value.replace(".localhost", ".example.org")


@pytest.mark.parametrize("part", OURS)
def test_a_part_runs_what_compose_runs(part: str) -> None:
    service: dict[str, Any] = read()["services"][part]
    assert chart.container("as it is", part)["args"] == [str(each) for each in service["command"]]
    here = chart.environment("as it is", part)
    for name, value in service["environment"].items():
        if name != "HF_TOKEN":
            assert here.pop(name) == renamed(str(value)), name
    # Prefect's services make links too, and take the pages' address from the same lines.
    assert set(here) <= {"PREFECT_UI_API_URL"}


@pytest.mark.parametrize("part", ["postgres", "valkey", "s3"])
def test_a_store_runs_what_compose_runs(part: str) -> None:
    service: dict[str, Any] = read()["services"][part]
    stated = chart.container("as it is", part)
    ours = " ".join([*stated.get("command", []), *stated["args"]])
    assert ours == " ".join([*service.get("entrypoint", []), *service["command"]])


@pytest.mark.parametrize("part", [*OURS, "postgres", "valkey", "s3"])
def test_a_part_gets_the_passwords_it_has_in_compose_and_no_other(part: str) -> None:
    (given,) = [each["secret"] for each in chart.pods("as it is")[part]["volumes"] if "secret" in each]
    assert given["secretName"] == "assay"
    assert [each["key"] for each in given["items"]] == [each["path"] for each in given["items"]]
    assert {each["key"] for each in given["items"]} == set(read()["services"][part]["secrets"])


def test_own_stores_are_used_and_none_is_brought() -> None:
    assert not chart.of_kind("own stores", "StatefulSet")
    stated = chart.environment("own stores", "migration")
    assert "@db.example.org:5433/prefect" in stated["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert stated["AWS_ENDPOINT_URL"] == "https://s3.example.org"
    prefect = chart.of_kind("own stores", "NetworkPolicy")[f"{chart.NAME}-from-prefect"]
    assert [rule["ports"] for rule in prefect["spec"]["egress"]] == [[{"port": 5433}], [{"port": 6380}]]


def test_who_may_send_is_whom_the_other_lets_in() -> None:
    policies = chart.of_kind("as it is", "NetworkPolicy")
    sends, lets = set(), set()
    for policy in policies.values():
        me = policy["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for rule in policy["spec"].get("egress", []):
            for other in rule.get("to", []):
                if "podSelector" in other:
                    to = other["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    sends.add((me, to, rule["ports"][0]["port"]))
        for rule in policy["spec"].get("ingress", []):
            for other in rule["from"]:
                if "podSelector" in other:
                    who = other["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    lets.add((who, me, rule["ports"][0]["port"]))
    assert sends == lets
    assert ("worker", "postgres", 5432) not in sends
    # Each part may reach every server that its environment names.
    for part in OURS:
        stated = yaml.safe_dump(chart.environment("as it is", part))
        named = re.findall(rf"\b{chart.NAME}-(\w+):(\d+)", stated)
        own = {(part, to, int(port)) for to, port in named if to != part}
        assert own <= sends, part


def test_autoscaling_aims_at_the_workers_and_leaves_their_number_alone() -> None:
    (scaled,) = chart.of_kind("autoscaled", "ScaledObject").values()
    worker = chart.of_kind("autoscaled", "Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]
    assert "replicas" not in worker["spec"]
    (trigger,) = scaled["spec"]["triggers"]
    (authentication,) = chart.of_kind("autoscaled", "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication
    limit = worker["spec"]["template"]["spec"]["containers"][0]["args"][-1]
    assert trigger["metadata"]["targetQueryValue"] == limit
    assert trigger["metadata"]["port"] == "5432"


def test_gpus_are_asked_for() -> None:
    each = chart.container("gpu", "worker")
    assert each["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert each["image"].endswith(":cuda")
