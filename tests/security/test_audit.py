"""The audit: what is planted is found, and what nobody could be asked about is not good."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from flows.serving.companion import free_port
from infra.audit import __main__ as command
from infra.audit import advisories, committed

PLANTED = {
    "config.yaml": "token: ghp_" + "a1B2" * 9,
    "notes.md": "use hf_" + "aBcD" * 9,
    "keys/id_rsa": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "app.py": 'KEY = "AKIA' + "Q7ZP" * 4 + '"',
    "compose.yaml": "DATABASE: postgresql://assay:hunter2hunter2@db/mlflow",
    "settings.ini": 'password = "correcthorsebattery9"',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "constraints.txt").write_text("", encoding="utf-8")
    (folder / ".gitignore").write_text("ignored.txt\n", encoding="utf-8")
    (folder / "ignored.txt").write_text(PLANTED["notes.md"], encoding="utf-8")
    (folder / "fine.py").write_text('TOKEN = "HF_TOKEN"\nurl = "http://host/x"\n', encoding="utf-8")
    (folder / "picture.png").write_bytes(bytes(range(256)))
    return folder


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found_and_not_shown(
    name: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tree / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"first\n{PLANTED[name]}\n", encoding="utf-8")
    assert {(each.file, each.line) for each in committed.findings(tree, committed.files(tree))} == {(name, 2)}
    assert command.main(tree) == 1
    printed = capsys.readouterr()
    assert f"{name}:2: " in printed.err
    assert PLANTED[name].split()[-1].strip('"') not in printed.out + printed.err


def test_a_tree_without_secrets_passes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(tree) == 0
    assert "Secrets: 0 in 4 files." in capsys.readouterr().out


def test_what_is_known_to_be_harmless_needs_a_reason(tree: Path, tmp_path: Path) -> None:
    found = [committed.Finding("tests/a.py", 1, "Secret Keyword")]
    known = tmp_path / "known.yaml"
    entry = {"file": "tests/*", "kinds": ["Secret Keyword"]}
    known.write_text(yaml.safe_dump({"secrets": [{**entry, "reason": "made up"}]}), encoding="utf-8")
    assert committed.unknown(found, known) == []
    assert committed.unknown([committed.Finding("flows/a.py", 1, "Secret Keyword")], known)
    known.write_text(yaml.safe_dump({"secrets": [entry]}), encoding="utf-8")
    with pytest.raises(ValueError, match="gives no reason"):
        committed.unknown(found, known)


class Answers(BaseHTTPRequestHandler):
    """An advisory service in OSV's format that knows one hole."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        hole = {
            "id": "GHSA-1",
            "aliases": [],
            "summary": "bad",
            "details": "very",
            "affected": [
                {
                    "package": {"name": name, "ecosystem": "PyPI"},
                    "versions": [asked["version"]],
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
                }
            ],
        }
        body = json.dumps({"vulns": [hole]} if name == "holed" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def pins(folder: Path, *packages: str) -> Path:
    path = folder / "constraints.txt"
    path.write_text("\n".join(packages) + "\n", encoding="utf-8")
    return path


def test_a_package_with_a_known_hole_is_named_with_the_version_that_mends_it(
    service: str, tmp_path: Path
) -> None:
    asking = ("--vulnerability-service", "osv", "--osv-url", service)
    found = advisories.audit(pins(tmp_path, "holed==1.0", "whole==2.0"), service=asking)
    assert found == advisories.Audit(("holed 1.0: GHSA-1, mended in 9.9",), asked=2)


def test_a_service_that_does_not_answer_is_said_to_be_missing(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1/query"
    asking = ("--vulnerability-service", "osv", "--osv-url", away)
    found = advisories.audit(pins(tmp_path, "holed==1.0"), service=asking)
    assert found.asked == 0
    assert "could not be asked" in found.problem


def test_packages_that_nobody_knows_are_not_counted_as_good() -> None:
    import datetime

    today = datetime.date(2026, 1, 1)
    skipped = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}
    assert advisories.read(skipped, [], today) == advisories.Audit(unasked=1)
    hole = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": []}
    holed = {"dependencies": [{"name": "a", "version": "1", "vulns": [hole]}]}
    accepted = {"id": "CVE-1", "package": "a", "reason": "not reached", "until": today}
    assert advisories.read(holed, [accepted], today).holes == ()
    assert advisories.read(holed, [accepted], today + datetime.timedelta(days=1)).holes
