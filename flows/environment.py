"""The process environment of Assay's commands: set before Prefect, MLflow or transformers are imported."""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path

from flows.serving import protection
from tasks import home
from tasks.errors import BadEvaluation, NoAccess


def server_file() -> Path:
    """Return the file that says which servers `assay ui` or `assay up` runs, and where."""
    return home.home() / "servers.json"


def running_servers() -> dict[str, str | int]:
    """Return what was written of the servers, or nothing when Prefect's does not answer.

    Those of `assay up` are started again when they do not, so they are worth waiting for.
    """
    try:
        known: dict[str, str | int] = json.loads(server_file().read_text(encoding="utf-8"))
        if known.get("supervised"):
            return known
        with urllib.request.urlopen(f"{known['prefect_api']}/health", timeout=2):
            return known
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return {}


def prepare(*, quiet: bool = True) -> None:
    """Set what the user has not: where Prefect keeps its data, which server it talks to, who prints what.

    Args:
        quiet: Whether a command line speaks for itself, so that Prefect's own log lines stay off the
            screen (they still reach the server).

    Raises:
        NoAccess: The running servers ask for a password, and none is set.
    """
    defaults = {
        "PREFECT_HOME": str(home.home() / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_TRACKING_URI": home.tracking_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # Of a server, MLflow prints addresses onto standard output, where only results belong.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "HF_DATASETS_CACHE": str(home.home() / "datasets"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    if quiet:
        defaults["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
        # What is said of a tracking server that does not answer is for the person who waits.
        spoken = logging.getLogger("assay")
        if not spoken.handlers:
            spoken.addHandler(logging.StreamHandler())
    if "PREFECT_API_URL" not in os.environ and "prefect_api" in (found := running_servers()):
        defaults["PREFECT_API_URL"] = str(found["prefect_api"])
        defaults["PREFECT_UI_URL"] = str(found["prefect"])
        defaults["ASSAY_MLFLOW_PAGES"] = str(found["mlflow"])
        if found.get("protected") and not (
            {protection.PASSWORD, "PREFECT_API_AUTH_STRING"} & set(os.environ)
        ):
            raise NoAccess(
                f"The servers at {found['prefect']} and {found['mlflow']} ask for a password: "
                f"set {protection.PASSWORD} to it."
            )
        if found.get("supervised"):
            # Its scores are in a database of its own, which only its server knows.
            defaults["MLFLOW_TRACKING_URI"] = str(found.get("tracking", found["mlflow"]))
    if "PREFECT_API_KEY" not in os.environ:
        defaults |= protection.of_clients(os.environ)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def need_server(what: str) -> None:
    """See that a Prefect server is known; `prepare` comes before.

    Args:
        what: What it is needed for.

    Raises:
        BadEvaluation: None is.
    """
    if "PREFECT_API_URL" not in os.environ:
        raise BadEvaluation(
            f"No Prefect server is running that could {what}: start one with `assay ui`, "
            "or name one in PREFECT_API_URL."
        )
