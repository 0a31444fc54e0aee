"""Protection: what servers are started with so that only those who may use them do, and what clients need.

On the loopback address the machine's own users are let in. Any other address needs a password, which both
servers then ask everyone for; a password that is set is asked for on the loopback address too.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import BadEvaluation

LOOPBACK = "127.0.0.1"
USER = "ASSAY_USER"
PASSWORD = "ASSAY_PASSWORD"
HOSTNAMES = "ASSAY_HOSTNAMES"
GATE = "ASSAY_GATE_HOSTS"
FLASK_KEY = "MLFLOW_FLASK_SERVER_SECRET_KEY"
DEFAULT_USER = "assay"
SHORTEST = 12
"""MLflow takes no shorter password."""
_GENERATE = "python -c 'import secrets; print(secrets.token_urlsafe(24))'"


@dataclass(frozen=True)
class Protection:
    """What two servers and their clients get.

    Attributes:
        host: The address the servers listen on.
        name: The name or address under which people and other machines reach them.
        asked: Whether a password is asked for.
        prefect: The environment of Prefect's server.
        mlflow: The environment of MLflow's server.
        arguments: What `mlflow server` is called with beside its stores.
        clients: The environment of everything that talks to them.
        files: Files to be written, with their content, for their owner alone.
    """

    host: str
    name: str
    asked: bool
    prefect: Mapping[str, str] = field(repr=False)
    mlflow: Mapping[str, str] = field(repr=False)
    arguments: tuple[str, ...]
    clients: Mapping[str, str] = field(repr=False)
    files: Mapping[Path, str] = field(repr=False)

    def near(self, port: int) -> str:
        """Return the address of a port for processes on this machine."""
        return f"{_web(LOOPBACK if is_anywhere(self.host) else self.host)}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("10.0.0.5")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_anywhere(host: str) -> bool:
    """Tell whether an address stands for all of this machine's.

    >>> is_anywhere("0.0.0.0"), is_anywhere("::"), is_anywhere("10.0.0.5")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def credentials(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the user and password that the environment states; None where it states none.

    Raises:
        BadEvaluation: They cannot be used; what they are is not said.

    >>> credentials({"ASSAY_PASSWORD": "correct horse battery"})
    ('assay', 'correct horse battery')
    >>> credentials({"ASSAY_PASSWORD": "short"})
    Traceback (most recent call last):
    tasks.errors.BadEvaluation: The password in ASSAY_PASSWORD has fewer than 12 characters.
    """
    password = environment.get(PASSWORD, "")
    if not password:
        return None
    user = environment.get(USER) or DEFAULT_USER
    if len(password) < SHORTEST:
        raise BadEvaluation(f"The password in {PASSWORD} has fewer than {SHORTEST} characters.")
    if not (password.isascii() and password.isprintable()):
        # Prefect compares ASCII only, and would answer every request with an error.
        raise BadEvaluation(f"The password in {PASSWORD} has other characters than ASCII's printable ones.")
    if not user.isascii() or not user.isprintable() or ":" in user:
        raise BadEvaluation(
            f"The user in {USER} has a colon or other characters than ASCII's printable ones."
        )
    return user, password


def of_clients(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what clients of protected servers need in their environment; nothing without a password.

    >>> of_clients({"ASSAY_PASSWORD": "correct horse battery"})["PREFECT_API_AUTH_STRING"]
    'assay:correct horse battery'
    >>> of_clients({})
    {}
    """
    known = credentials(environment)
    if known is None:
        return {}
    user, password = known
    return {
        "PREFECT_API_AUTH_STRING": f"{user}:{password}",
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password,
    }


def protection(
    host: str,
    ports: tuple[int, int],
    environment: Mapping[str, str],
    folder: Path,
    *,
    names: Sequence[str],
    key: str,
    users: str | None = None,
) -> Protection:
    """Return what servers on an address are started with.

    Args:
        host: The address to listen on.
        ports: Prefect's port and MLflow's.
        environment: Where the password is stated.
        folder: Where MLflow's settings and users are kept.
        names: Under which names this machine is reached, the best first.
        key: What MLflow signs its pages' cookies with.
        users: Database of MLflow's users; left out, an SQLite file in the folder.

    Raises:
        BadEvaluation: Others can reach the address, and there is no password.
    """
    known = credentials(environment)
    if known is None and not is_loopback(host):
        raise BadEvaluation(
            f"Listening on {host} lets other machines in, so it needs a password in {PASSWORD}, which both "
            f"pages then ask for ({_GENERATE} makes one); leave --host out to let in this machine alone."
        )
    stated = tuple(each.strip() for each in environment.get(HOSTNAMES, "").split(",") if each.strip())
    own = tuple(names) if is_anywhere(host) else (host,)
    reached = tuple(dict.fromkeys((*stated, *own)))
    name = reached[0] if reached else host
    allowed = tuple(dict.fromkeys((*reached, "localhost", LOOPBACK)))
    prefect_port, mlflow_port = ports
    prefect = {
        "PREFECT_UI_API_URL": f"{_web(name)}:{prefect_port}/api",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"{_web(each)}:{prefect_port}" for each in allowed),
        GATE: ",".join(allowed),
    }
    arguments = [
        *(
            "--allowed-hosts",
            ",".join(f"{each}{port}" for each in allowed for port in ("", f":{mlflow_port}")),
        ),
        *("--cors-allowed-origins", ",".join(f"{_web(each)}:{mlflow_port}" for each in allowed)),
    ]
    if known is None:
        return Protection(host, name, False, prefect, {}, tuple(arguments), {}, {})
    user, password = known
    settings = folder / "mlflow-auth.ini"
    store = users or f"sqlite:///{folder / 'mlflow-users.db'}"
    return Protection(
        host,
        name,
        True,
        {**prefect, "PREFECT_SERVER_API_AUTH_STRING": f"{user}:{password}"},
        {
            "MLFLOW_AUTH_CONFIG_PATH": str(settings),
            "MLFLOW_AUTH_ADMIN_USERNAME": user,
            "MLFLOW_AUTH_ADMIN_PASSWORD": password,
            FLASK_KEY: key,
        },
        ("--app-name", "basic-auth", *arguments),
        of_clients(environment),
        {settings: _settings(store)},
    )


def _web(name: str) -> str:
    return f"http://[{name}]" if ":" in name and not name.startswith("[") else f"http://{name}"


def _settings(store: str) -> str:
    """Return MLflow's file of settings, in which a percent sign would begin a variable."""
    return (
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {store.replace('%', '%%')}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )


def prepared(host: str, ports: tuple[int, int], folder: Path, users: str | None = None) -> Protection:
    """Return what servers on an address are started with, by this machine's environment, its files written.

    Args:
        host: The address to listen on.
        ports: Prefect's port and MLflow's.
        folder: The data folder.
        users: Database of MLflow's users; left out, an SQLite file in the folder.

    Raises:
        BadEvaluation: Others can reach the address, and there is no password.
    """
    asked = credentials(os.environ) is not None
    key = (os.environ.get(FLASK_KEY) or _kept_key(folder)) if asked else ""
    found = protection(host, ports, os.environ, folder, names=own_names(), key=key, users=users)
    for path, content in found.files.items():
        _write(path, content)
    return found


def own_names() -> list[str]:
    """Return this machine's addresses and names, those first that work without a name service."""
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: it only makes the system choose the address it would send from.
        probe.connect(("192.0.2.1", 9))
        found.append(str(probe.getsockname()[0]))
    return list(dict.fromkeys((*found, socket.gethostname(), socket.getfqdn())))


def _kept_key(folder: Path) -> str:
    path = folder / "mlflow-key"
    if not path.is_file():
        _write(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8")


def _write(path: Path, content: str) -> None:
    """Write a file that its owner alone reads, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        opened.write(content)
    part.replace(path)
