"""`python -m infra.container COMMAND…`: put the secrets in their places, then become the command."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from infra.container import accounts, secrets

USERS = "ASSAY_MLFLOW_USERS"
"""Names the database of MLflow's users, where MLflow is to ask who they are."""
SECRETS = "ASSAY_SECRETS"
"""Names the folder of secrets, where it is not the usual one."""


def main() -> None:
    """Replace this process by the command, which gets its signals and is what its probes see."""
    command = sys.argv[1:]
    if not command:
        sys.exit("Nothing to run: give a command.")
    try:
        environment = secrets.expanded(os.environ, Path(os.environ.get(SECRETS) or secrets.FOLDER))
    except secrets.BadSecret as error:
        sys.exit(str(error))
    if url := environment.get(USERS):
        environment["MLFLOW_AUTH_CONFIG_PATH"] = str(_private(accounts.configuration(url)))
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        sys.exit(f"There is no command '{command[0]}' here.")


def _private(text: str) -> Path:
    handle, name = tempfile.mkstemp(suffix=".ini")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


if __name__ == "__main__":
    main()
