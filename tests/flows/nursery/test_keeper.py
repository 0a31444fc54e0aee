"""A worker's nursery: there when a run needs it, anew when it is gone, and never where it would not last."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flows.nursery import keeper, stand_in
from flows.nursery.keeper import Keeper, engage, is_wanted


class Configuration:
    """What a worker knows of how to start a run."""

    command: str | None = "engine"
    _command_configured = False


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keeper.WISH, raising=False)
    monkeypatch.setenv(stand_in.SOCKET, "")


def test_it_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper.glob, "glob", lambda pattern: [])
    assert is_wanted()
    monkeypatch.setenv(keeper.WISH, "no")
    assert not is_wanted()


def test_where_there_is_a_gpu_somebody_has_to_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper.glob, "glob", lambda pattern: ["/dev/nvidia0"])
    assert not is_wanted()
    monkeypatch.setenv(keeper.WISH, "yes")
    assert is_wanted()


def test_a_run_is_forked_unless_it_was_said_how_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Keeper()
    monkeypatch.setattr(keeper, "_keeper", [mine])
    said = Configuration()
    said._command_configured = True
    engage(said)
    assert said.command == "engine"
    assert not mine.needed.is_set()
    other = Configuration()
    engage(other)
    assert other.command == mine.command
    assert mine.needed.is_set()
    mine.close()


def test_without_a_nursery_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_keeper", [])
    said = Configuration()
    engage(said)
    assert said.command == "engine"


def test_where_its_socket_cannot_be_made_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keeper, "_keeper", [])
    monkeypatch.setenv(keeper.WISH, "yes")
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(keeper.tempfile, "tempdir", str(long))
    keeper.keep()
    said = Configuration()
    engage(said)
    assert said.command == "engine"
    assert "There can be no nursery" in capsys.readouterr().err


def test_where_none_lasts_a_run_starts_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Keeper()
    begun: list[int] = []

    def fails(self: Keeper) -> subprocess.Popen[bytes]:
        begun.append(1)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])

    monkeypatch.setattr(Keeper, "_start", fails)
    place = Path(os.environ[stand_in.SOCKET])
    keeping = threading.Thread(target=mine.keep)
    keeping.start()
    # It has come while there was hope.
    early = subprocess.Popen(
        shlex.split(mine.command),
        env={**os.environ, "PREFECT__FLOW_RUN_ID": "none"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    mine.needed.set()
    keeping.join(60)
    assert len(begun) == keeper.TRIES
    assert "runs start by themselves" in capsys.readouterr().err
    assert "Invalid flow run id" in early.communicate(timeout=120)[0]
    assert not place.parent.exists()
