"""What runs first in a container: secrets in their places, and one clear sentence where that cannot be."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.container import accounts, secrets
from tests.infra.composition import ROOT

PRINTABLE = "".join(map(chr, range(32, 127)))
passwords = st.text(PRINTABLE, min_size=1, max_size=30)


def entered(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.container", *command],
        cwd=ROOT,
        env={**os.environ, "ASSAY_SECRETS": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@given(passwords)
def test_any_password_survives_a_url_a_header_and_an_ini_file(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "word").write_text(f"{password}\n", encoding="utf-8")
    stated = {"URL": "postgresql://me:<secret:word>@host:5432/db", "HEADER": "me:<secret:word>"}
    found = secrets.expanded(stated, folder)
    parts = urlsplit(found["URL"])
    assert (parts.hostname, parts.port, parts.path) == ("host", 5432, "/db")
    assert unquote(parts.password or "") == password
    assert found["HEADER"] == f"me:{password}"
    file = configparser.ConfigParser()
    file.read_string(accounts.configuration(found["URL"]))
    assert file["mlflow"]["database_uri"] == found["URL"]


def test_what_names_no_secret_is_left_as_it_is(tmp_path: Path) -> None:
    stated = {"A": "<secret>", "B": "%41 $HOME {x}", "C": ""}
    assert secrets.expanded(stated, tmp_path) == stated


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (None, "A names the secret 'word', which is not in {folder} (there: other)."),
        ("", "The secret 'word' in {folder} is empty."),
        ("p\u00e4ss", "The secret 'word' in {folder} may hold only characters of ASCII, on one line."),
        ("two\nlines", "The secret 'word' in {folder} may hold only characters of ASCII, on one line."),
    ],
)
def test_a_secret_that_is_none_is_one_sentence(tmp_path: Path, said: str | None, sentence: str) -> None:
    (tmp_path / "other").write_text("x", encoding="utf-8")
    if said is not None:
        (tmp_path / "word").write_text(said, encoding="utf-8")
    done = entered(tmp_path, "true", A="<secret:word>")
    assert done.returncode == 1
    assert done.stderr.strip() == sentence.format(folder=tmp_path)


def test_the_command_takes_the_process_over(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("a b'c\n", encoding="utf-8")
    done = entered(tmp_path, "sh", "-c", 'printf %s "$A"; exit 7', A="<secret:word>")
    assert (done.returncode, done.stdout) == (7, "a b'c")


def test_mlflows_users_are_named_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("p%ss\n", encoding="utf-8")
    done = entered(
        tmp_path,
        *("sh", "-c", 'stat -c %a "$MLFLOW_AUTH_CONFIG_PATH"; cat "$MLFLOW_AUTH_CONFIG_PATH"'),
        ASSAY_MLFLOW_USERS="postgresql://me:<secret:word>@host/db",
        TMPDIR=str(tmp_path),
    )
    mode, *lines = done.stdout.splitlines()
    assert mode == "600"
    assert "database_uri = postgresql://me:p%%25ss@host/db" in lines


def test_a_command_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = entered(tmp_path, "no-such-command")
    assert (done.returncode, done.stderr.strip()) == (1, "There is no command 'no-such-command' here.")
