"""`python3 infra/compose/passwords.py`: make each password that compose.yaml names, unless it is there.

Needs Python and nothing else, and never changes a password that is there: the databases know it by now.
"""

from __future__ import annotations

import sys
from pathlib import Path
from secrets import token_urlsafe

FOLDER = Path(__file__).resolve().parent / "secrets"
NAMES = (
    "postgres_password",
    "valkey_password",
    "s3_secret",
    "prefect_password",
    "mlflow_password",
    "mlflow_signing_key",
)


def make(folder: Path) -> list[str]:
    """Write the secrets that are not there, and return their names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in NAMES:
        path = folder / name
        if path.exists():
            continue
        # The containers' users are not this one; who may not enter the folder reaches no file in it.
        path.touch(mode=0o444)
        path.chmod(0o644)
        path.write_text(token_urlsafe(32) + "\n", encoding="utf-8")
        path.chmod(0o444)
        made.append(name)
    return made


if __name__ == "__main__":
    made = make(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    print(f"made: {', '.join(made)}" if made else "all there; nothing made")
