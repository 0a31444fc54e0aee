"""compose.yaml run as processes: its own commands, environment, order and health checks, without an engine.

What an engine would do is done here, by one mapping and nothing more:

| in a container | here |
|---|---|
| SERVICE:PORT, 0.0.0.0, and every port | 127.0.0.1 and a free port, the same one wherever it is named |
| /run/secrets, /data, /tmp, /config | folders of the test's own |
| /etc/caddy | infra/compose |
| the image's entry point and environment | those that infra/Dockerfile says |
| ${NAME:-value} | value |
| the database's first start by its image | `initdb` with the same user, password file and arguments |
| a health check by a tool that only the image has | the same address asked from here |
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from flows.serving.companion import free_port
from tests.infra.binaries import postgres_folder, valkey_folder

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "infra" / "compose" / "compose.yaml"
DOCKERFILE = ROOT / "infra" / "Dockerfile"
PATIENCE = 300.0
"""Seconds until a part must be healthy or done: the machine may be slow and loaded."""
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")
_PORT = re.compile(r"(?<![\w.])(?:[a-z0-9-]+|0\.0\.0\.0|127\.0\.0\.1|localhost):(\d{2,5})\b")

_FOLDER = re.compile(r"(?<![\w/.])/(run/secrets|etc/caddy|data|tmp|config)\b")


def read() -> dict[str, Any]:
    """Return compose.yaml with its variables at their defaults."""
    found: dict[str, Any] = interpolated(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), {})
    return found


def interpolated(value: Any, given: Mapping[str, str]) -> Any:
    """Return a value as Compose makes it: variables replaced, a doubled dollar sign a single one."""

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        return "$" if name is None else given.get(name) or found["default"] or ""

    if isinstance(value, str):
        return _VARIABLE.sub(replaced, value)
    if isinstance(value, dict):
        return {key: interpolated(each, given) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, given) for each in value]
    return value


def image() -> tuple[list[str], dict[str, str]]:
    """Return the entry point and the environment that the Dockerfile's last stage says."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", last, re.M)
    pairs = [pair for line in re.findall(r"^ENV (.+)$", last, re.M) for pair in shlex.split(line)]
    return json.loads(entry), dict(pair.split("=", 1) for pair in pairs)


class Composition:
    """The services of compose.yaml as processes, below one folder."""

    def __init__(self, folder: Path, secrets: Mapping[str, str], also: Mapping[str, str]) -> None:
        """Prepare a run.

        Args:
            folder: Where data, logs and secrets go.
            secrets: What each secret's file says.
            also: Environment of the project's own containers beside the file's: what the test's data needs.
        """
        self.file = read()
        self.services: dict[str, Any] = self.file["services"]
        self.folder = folder
        self.secrets = folder / "secrets"
        self.secrets.mkdir(parents=True)
        for name, said in secrets.items():
            (self.secrets / name).write_text(f"{said}\n", encoding="utf-8")
        self._also = dict(also)
        self._entry, self._image = image()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[int, int] = {}
        self.replicas: dict[str, int] = {}

    def port(self, inside: int) -> int:
        """Return the free port that stands for one of the file's."""
        return self.ports.setdefault(inside, free_port())

    def environment(self, service: str, name: str | None = None, **more: str) -> dict[str, str]:
        """Return a service's environment: the image's, the file's, and nothing else of this process's."""
        ours = self.ours(service)
        stated = {**(self._image if ours else {}), **self.services[service].get("environment", {})}
        mapped = {key: self._mapped(str(value), name or service) for key, value in stated.items()}
        base = {
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(valkey_folder()), os.environ["PATH"]]
            ),
            "HOME": str(self._place(name or service, "home")),
            "TMPDIR": str(self._place(name or service, "tmp")),
            "LANG": "C.UTF-8",
        }
        if ours:
            base |= {"PYTHONPATH": str(ROOT), "ASSAY_SECRETS": str(self.secrets), **self._also}
        mapped.pop("PATH", None)
        return {**base, **mapped, **more}

    def ours(self, service: str) -> bool:
        """Return whether a service runs the project's own image."""
        return str(self.services[service]["image"]).startswith("assay:")

    def command(self, service: str, name: str | None = None) -> list[str]:
        """Return what a service's container would run."""
        stated = self.services[service]
        before = self._entry if self.ours(service) else stated.get("entrypoint", [])
        return self._runnable([*before, *stated["command"]], name or service)

    def replica(self, service: str, name: str, **more: str) -> str:
        """Start one more of a service, and return its address."""
        self.replicas[name] = free_port()
        self.start(service, name, **more)
        return f"127.0.0.1:{self.replicas[name]}"

    def start(self, service: str, name: str | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Start a service's process, without waiting for what it depends on.

        Args:
            service: The service.
            name: What to call the process, where there are several of it.
            more: Environment that this one has besides.
        """
        called = name or service
        command = self.command(service, called)
        as_whom: dict[str, Any] = {}
        if service == "postgres":
            from tests.infra.binaries import initialised

            command, as_whom = initialised(
                command, self._place(called, "data"), self._of(service), self.port(5432)
            )
        with self.log(called).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment(service, called, **more),
                cwd=self._place(called, "tmp"),
                start_new_session=True,
                **as_whom,
            )
        self._processes[called] = process
        return process

    def up(self, *services: str) -> None:
        """Start services in the file's order: each when what it depends on is healthy or done."""
        for service in services:
            for needed, how in self.services[service].get("depends_on", {}).items():
                if needed not in self._processes:
                    self.up(needed)
                if how["condition"] == "service_completed_successfully":
                    self.finished(needed)
                else:
                    self.healthy(needed)
            if service not in self._processes:
                self.start(service)

    def healthy(self, name: str, service: str | None = None) -> None:
        """Wait until a process passes its service's health check."""
        self._until(name, lambda: self._passes(service or name, name), "healthy")

    def finished(self, name: str) -> None:
        """Wait until a job has ended well."""
        code = self._processes[name].wait(PATIENCE)
        assert code == 0, f"{name} ended with {code}:\n{self.said(name)}"

    def said(self, name: str, characters: int = 3000) -> str:
        """Return the end of a process's log."""
        return self.log(name).read_text(encoding="utf-8", errors="replace")[-characters:]

    def log(self, name: str) -> Path:
        """Return a process's log."""
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """End a process at once, and all it started."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def down(self) -> None:
        """End everything, the stores last."""
        stores = [name for name in ("s3", "valkey", "postgres") if name in self._processes]
        for names in ([name for name in self._processes if name not in stores], stores):
            for name in names:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(
                        self._processes[name].pid, signal.SIGINT if name == "postgres" else signal.SIGTERM
                    )
            deadline = time.monotonic() + 20
            for name in names:
                with suppress(subprocess.TimeoutExpired):
                    self._processes[name].wait(max(0.1, deadline - time.monotonic()))
                self.kill(name)

    def _passes(self, service: str, name: str) -> bool:
        test = self._runnable(self.services[service]["healthcheck"]["test"][1:], name)
        if service == "postgres":
            test = [
                str(postgres_folder() / test[0]),
                *test[1:],
                "--host=127.0.0.1",
                f"--port={self.port(5432)}",
            ]
        elif not self.ours(service):
            if urls := re.findall(r"http://\S+", " ".join(test)):
                with suppress(OSError), urllib.request.urlopen(urls[0], timeout=5):
                    return True
                return False
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port(6379)), timeout=5):
                return True
            return False
        return (
            subprocess.run(
                test,
                env=self.environment(service, name),
                capture_output=True,
                timeout=120,
                check=False,
            ).returncode
            == 0
        )

    def _runnable(self, command: list[str], name: str) -> list[str]:
        return [self._mapped(sys.executable if part == "python" else part, name) for part in command]

    def _of(self, service: str) -> dict[str, str]:
        stated = self.services[service]["environment"]
        return {key: self._mapped(str(value), service) for key, value in stated.items()}

    def _mapped(self, value: str, name: str) -> str:
        """Return a value of the file with hosts, ports and folders as they are here."""
        if value == sys.executable:
            return value
        replica = self.replicas.get(name)

        def here(found: re.Match[str]) -> str:
            own = replica is not None and found[0].startswith(("0.0.0.0:", "127.0.0.1:"))
            return f"127.0.0.1:{replica if own else self.port(int(found[1]))}"

        value = _PORT.sub(here, value)
        if re.fullmatch(r"\d{2,5}", value) and value in PORTS:
            return str(replica or self.port(int(value)))
        value = re.sub(
            r"((?:--|-\w[\w.]*)port(?:\.grpc)?[ =])(\d+)", lambda f: f"{f[1]}{self.port(int(f[2]))}", value
        )
        value = value.replace("0.0.0.0", "127.0.0.1")
        return _FOLDER.sub(lambda found: str(self._folder(found[1], name)), value)

    def _folder(self, inside: str, name: str) -> Path:
        if inside == "run/secrets":
            return self.secrets
        return COMPOSE.parent if inside == "etc/caddy" else self._place(name, inside)

    def _place(self, name: str, what: str) -> Path:
        # What an engine would mount as one volume is one folder for all of a service's processes.
        place = self.folder / name / what
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _until(self, name: str, done: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            code = self._processes[name].poll()
            assert code is None, f"{name} ended with {code}:\n{self.said(name)}"
            if done():
                return
            time.sleep(1)
        raise AssertionError(f"{name} is not {what} after {PATIENCE:.0f} s:\n{self.said(name)}")


PORTS = {"80", "443", "4200", "5000", "8080"}
"""Ports that the file names alone, as an argument or a variable's whole value."""
