"""compose.yaml against the Compose specification, and against what every part of it must have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.infra.composition import COMPOSE, DOCKERFILE, ROOT, image, read

FILE = read()
SERVICES: dict[str, Any] = FILE["services"]
JOBS = {"migration", "deployment"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("assay:")}


def test_the_file_is_one_that_compose_reads() -> None:
    known = PyCompose.from_yaml(yaml.safe_dump(FILE)).to_spec()
    assert set(known.services or {}) == set(SERVICES)


def test_a_file_with_an_unknown_key_is_not() -> None:
    with pytest.raises(ValueError, match="volume"):
        PyCompose.from_yaml(yaml.safe_dump({"services": {"a": {"image": "b", "volume": ["c:/d"]}}}))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_bounded_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert not service["image"].endswith(":latest")
    if name in JOBS:
        assert service["restart"] == "on-failure"
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service


def test_every_secret_a_service_names_is_given_to_it() -> None:
    for name, service in SERVICES.items():
        text = yaml.safe_dump([service.get("environment", {}), service.get("command", [])])
        named = set(re.findall(r"<secret:(\w+)>|/run/secrets/(\w+)", text))
        assert {first or second for first, second in named} == set(service.get("secrets", [])), name
        assert set(service.get("secrets", [])) <= set(FILE["secrets"])


def test_no_password_is_in_the_file() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    for line in text.splitlines():
        if found := re.search(r"(?i)^\s*\w*(password|secret_\w*key|auth_string)\w*:\s*(.+)", line):
            assert "<secret:" in found[2] or "/run/secrets/" in found[2] or "file:" in found[2], line
    # And none in an address: what stands before an @ is a place for one.
    assert all(password.startswith("<secret:") for password in re.findall(r"://[^/\s]+?:([^@\s]+)@", text))


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["proxy"]["ports"])
    networks = FILE["networks"]
    assert networks["inside"]["internal"] is True
    outward = {name for name, service in SERVICES.items() if "outward" in service["networks"]}
    assert outward == {"proxy", "worker", "worker-gpu"}


def test_prefects_servers_share_everything_they_must() -> None:
    shared = [
        *("PREFECT_SERVER_EVENTS_MESSAGING_BROKER", "PREFECT_SERVER_EVENTS_MESSAGING_CACHE"),
        *("PREFECT_SERVER_EVENTS_CAUSAL_ORDERING", "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"),
        *("PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE", "PREFECT_SERVER_DOCKET_URL"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    ]
    for name in shared:
        value = SERVICES["prefect"]["environment"][name]
        assert value == SERVICES["services"]["environment"][name]
        assert "memory" not in value


def test_the_passwords_that_are_made_are_those_that_are_named(tmp_path: Path) -> None:
    script = COMPOSE.parent / "passwords.py"
    folder = tmp_path / "secrets"
    for made in (f"made: {', '.join(FILE['secrets'])}", "all there; nothing made"):
        done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == made
    said = {path.read_text() for path in folder.iterdir()}
    assert len(said) == len(FILE["secrets"])
    assert min(map(len, said)) > 32
    assert folder.stat().st_mode & 0o077 == 0


def test_what_the_image_copies_is_there_and_not_left_out() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(encoding="utf-8"), re.M):
        for path in line.split():
            assert (ROOT / path).exists(), path
            assert any(path == each or path.startswith(f"{each}/") for each in kept), path


def test_the_image_runs_as_nobody_in_particular_and_writes_where_it_may() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert re.search(r"^USER 10001:10001$", text, re.M)
    assert re.search(r"^HEALTHCHECK ", text, re.M)
    assert "--constraint constraints.txt" in text
    for name, value in image()[1].items():
        if value.startswith("/") and name != "PATH":
            assert value.split("/")[1] in {"tmp", "data"}, name
