"""What `assay doctor` says of a machine that is not as it should be, and addresses of databases."""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from flows.installation import databases, machine_checks, postgres, server_checks
from flows.installation.findings import look, ok
from tasks.errors import BadEvaluation


def test_a_package_of_another_version_or_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    have = metadata.version("prefect")
    assert dict(machine_checks.differences({"Prefect": "1.0"}))["prefect"] == (have, "1.0")
    assert "prefect" not in dict(machine_checks.differences({"prefect": have}))
    monkeypatch.setattr(machine_checks, "needed", lambda: iter(["no-such-package"]))
    assert dict(machine_checks.differences({})) == {"no-such-package": ("missing", "any")}
    found = machine_checks.packages()
    assert (found.state, found.mend[:11]) == ("wrong", "pip install")


def test_what_the_project_asks_for_is_in_its_constraints() -> None:
    pins = machine_checks.pinned(machine_checks.ROOT / "constraints.txt")
    named = {name.lower().replace("_", "-") for name in pins}
    assert {name.lower() for name in machine_checks.needed()} - named == set()


def test_a_full_disk_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "LEAST_FREE", shutil.disk_usage("/").total)
    assert machine_checks.disk().state == "wrong"


def test_a_policy_that_cannot_be_read_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    monkeypatch.setenv("ASSAY_POLICY", str(file))
    assert machine_checks.policy().state == "wrong"
    file.write_text("a: [", encoding="utf-8")
    assert str(file) in machine_checks.policy().says


def test_the_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    assert "hf_" not in str(machine_checks.token())


def test_a_check_that_fails_is_a_finding_and_stops_no_other() -> None:
    def fails() -> None:
        raise OSError("of its own")

    first, second = look([("a", fails), ("b", lambda: ok("b", "well"))])  # type: ignore[list-item] # on purpose
    assert (first.state, "of its own" in first.says, second.state) == ("wrong", True, "ok")


def test_where_nothing_runs_the_servers_are_no_fault(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert "wrong" not in {each.state for each in look(server_checks.CHECKS)}


def test_a_server_that_does_not_answer_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    found = {
        each.about: each
        for each in look([("Prefect", server_checks.prefect), ("MLflow", server_checks.mlflow)])
    }
    assert {each.state for each in found.values()} == {"wrong"}
    assert all(each.mend for each in found.values())


@pytest.mark.parametrize("given", ["mysql://a:secret@h/x", "postgresql:///x", "no address: secret"])
def test_an_address_that_is_none_is_told_without_the_password(given: str) -> None:
    with pytest.raises(BadEvaluation, match="postgresql://user:password@host:5432") as caught:
        databases.addresses(given)
    assert "secret" not in str(caught.value)


def test_a_password_with_any_characters_reaches_both_databases() -> None:
    from sqlalchemy.engine import make_url

    for address in databases.addresses("postgresql://us%40er:p%40ss%2F%3A%25@db:5433").values():
        url = make_url(address)
        assert (url.username, url.password, url.port) == ("us@er", "p@ss/:%", 5433)


def test_the_note_of_a_dead_server_goes_where_another_program_has_its_id(home: Path) -> None:
    postgres.folder().mkdir(parents=True)
    note = postgres.folder() / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n/data\n", encoding="utf-8")
    postgres.forget_the_dead()
    assert not note.exists()
    postgres.forget_the_dead()
