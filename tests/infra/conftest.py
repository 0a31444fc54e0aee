"""One installation of compose.yaml, as processes, for all tests of this folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.composition import Composition

AWKWARD = "p@ss/w:rd%41+ #1&?=\"'$x\\~{0}"
"""What a password may be: quoting for URLs, shells, YAML, .ini files and headers all have something to do."""
SECRETS = {
    name: f"{AWKWARD}{name}"
    for name in (
        *("postgres_password", "valkey_password", "s3_secret"),
        *("prefect_password", "mlflow_password", "mlflow_signing_key"),
    )
}


@pytest.fixture(scope="package")
def installation(demo: Path) -> Iterator[Composition]:
    """Everything that compose.yaml starts, with two of Prefect's servers."""
    # Not below pytest's own folder, which only its user may enter: PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="assay-compose-"))
    also = {"ASSAY_DEMO": str(demo), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    composition = Composition(folder, SECRETS, also)
    try:
        composition.up("migration", "valkey")
        composition.finished("migration")
        composition.up("prefect", "mlflow")
        second = composition.replica("prefect", "prefect-2")
        composition.up("services", "worker")
        composition.healthy("prefect-2", "prefect")
        both = f"127.0.0.1:{composition.port(4200)} {second}"
        composition.start("proxy", PREFECT_SERVERS=both)
        for part in ("services", "worker", "proxy"):
            composition.healthy(part)
        yield composition
    finally:
        composition.down()
        shutil.rmtree(folder, ignore_errors=True)
