"""What servers are started with: a password wherever others can reach them, and no foreign pages."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from flows.serving import protection
from flows.serving.gate import Gate
from flows.serving.protection import Protection
from tasks.errors import BadEvaluation

PASSWORD = {"ASSAY_PASSWORD": "correct horse battery"}


def protected(host: str, given: dict[str, str], folder: Path = Path("/data"), **more: str) -> Protection:
    names = ("10.0.0.5", "box")
    return protection.protection(host, (4200, 5000), given, folder, names=names, key="k", **more)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "box.example.org"])
def test_an_address_that_others_reach_is_refused_without_a_password(host: str) -> None:
    with pytest.raises(BadEvaluation, match=rf"Listening on {host} .* needs a password in ASSAY_PASSWORD"):
        protected(host, {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ASSAY_PASSWORD": "short"}, "fewer than 12 characters"),
        ({"ASSAY_PASSWORD": "pässwort-sehr-lang"}, "other characters than ASCII"),
        ({**PASSWORD, "ASSAY_USER": "a:b"}, "The user in ASSAY_USER has a colon"),
    ],
)
def test_a_password_that_no_server_could_use_is_refused_and_not_repeated(
    given: dict[str, str], words: str
) -> None:
    with pytest.raises(BadEvaluation, match=words) as refused:
        protected("0.0.0.0", given)
    assert given["ASSAY_PASSWORD"] not in str(refused.value)


def test_both_servers_and_their_clients_get_the_same_password() -> None:
    found = protected("0.0.0.0", PASSWORD)
    assert found.asked
    assert found.prefect["PREFECT_SERVER_API_AUTH_STRING"] == found.clients["PREFECT_API_AUTH_STRING"]
    assert found.mlflow["MLFLOW_AUTH_ADMIN_PASSWORD"] == found.clients["MLFLOW_TRACKING_PASSWORD"]
    assert found.arguments[:2] == ("--app-name", "basic-auth")
    # Others may see the command line and what is printed of it.
    assert PASSWORD["ASSAY_PASSWORD"] not in " ".join(found.arguments) + repr(found)
    assert PASSWORD["ASSAY_PASSWORD"] not in "".join(found.files.values())


def test_a_password_is_asked_for_on_the_loopback_address_too_once_it_is_set() -> None:
    assert protected("127.0.0.1", PASSWORD).asked
    assert not protected("127.0.0.1", {}).asked


def test_servers_know_the_names_they_are_reached_by_and_no_others() -> None:
    found = protected("0.0.0.0", {**PASSWORD, "ASSAY_HOSTNAMES": "assay.example.org, alias"})
    assert found.name == "assay.example.org"
    assert found.near(4200) == "http://127.0.0.1:4200"
    hosts = found.arguments[found.arguments.index("--allowed-hosts") + 1].split(",")
    assert {"assay.example.org", "assay.example.org:5000", "alias:5000", "10.0.0.5:5000"} <= set(hosts)
    assert not [each for each in hosts if "*" in each]
    assert "*" not in found.prefect["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert protected("192.168.1.4", PASSWORD).name == "192.168.1.4"


def test_a_database_of_users_with_a_percent_sign_in_its_password_is_read_back() -> None:
    import configparser

    found = protected("0.0.0.0", PASSWORD, users="postgresql://u:p%40ss@db/mlflow")
    (text,) = found.files.values()
    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert parser["mlflow"]["database_uri"] == "postgresql://u:p%40ss@db/mlflow"


def test_files_with_keys_are_their_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASSWORD", PASSWORD["ASSAY_PASSWORD"])
    monkeypatch.delenv("MLFLOW_FLASK_SERVER_SECRET_KEY", raising=False)
    first = protection.prepared("127.0.0.1", (4200, 5000), tmp_path)
    assert first.mlflow == protection.prepared("127.0.0.1", (4200, 5000), tmp_path).mlflow
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"mlflow-key": 0o600, "mlflow-auth.ini": 0o600}


def behind() -> TestClient:
    made = FastAPI()

    @made.post("/")
    async def change() -> str:
        return "changed"

    @made.get("/")
    async def show() -> str:
        return "shown"

    @made.websocket("/events")
    async def events(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("event")

    return TestClient(Gate(made, ["localhost", "assay.example.org"]), base_url="http://localhost:4200")


SOCKET = "ws://localhost:4200/events"
OWN = {"Origin": "http://localhost:4200"}
FOREIGN = ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:1"})


def test_a_page_of_another_site_changes_nothing_through_a_visitors_browser() -> None:
    client = behind()
    assert client.post("/").json() == "changed"
    assert client.post("/", headers=OWN).json() == "changed"
    for headers in FOREIGN:
        assert client.post("/", headers=headers).status_code == 403
        assert client.get("/", headers=headers).status_code == 200


def test_a_page_of_another_site_opens_no_socket() -> None:
    client = behind()
    with client.websocket_connect(SOCKET, headers=OWN) as socket:
        assert socket.receive_text() == "event"
    for headers in FOREIGN:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET, headers=headers):
            pass


def test_a_name_that_was_made_to_point_here_is_not_answered() -> None:
    client = behind()
    for host in ("evil.example", "evil.example:4200", "localhost.evil.example", ""):
        answer = client.get("/", headers={"Host": host})
        assert answer.status_code == 403, host
    for host in ("assay.example.org", "ASSAY.example.org", "127.0.0.1:4200", "[::1]:4200", "10.0.0.5"):
        assert client.get("/", headers={"Host": host}).json() == "shown", host
