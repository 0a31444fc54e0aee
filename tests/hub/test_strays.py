"""Pictures of datasets on a Hub: their own are read wherever they lie, files of this machine are not."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.hub.processes import environment, python
from tests.hub.server import Hub, Repository, running

REPORT = """
import json, sys
from tasks import load
from tasks.errors import UserError
from tasks.inference import media
from tasks.spec import Dataset
name, streaming = json.loads(sys.argv[1])
try:
    rows = load.load(Dataset(path=name, streaming=streaming), 0)
    tables = load.stream(rows) if streaming else [load.open_rows(rows).data.table]
    found = [row["image"] for table in tables for row in table.to_pylist()]
    print(json.dumps([media.image(each).size for each in found]))
except UserError as error:
    print(f"{type(error).__name__}: {error}")
"""


def picture(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, format="PNG")
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.png", content)
    return buffer.getvalue()


def named(path: Path) -> bytes:
    """Return a table whose one picture is a path."""
    features = datasets.Features({"image": datasets.Image(decode=False)})
    image = pa.array([{"bytes": None, "path": str(path)}], features.arrow_schema.field("image").type)
    buffer = io.BytesIO()
    kept = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
    pq.write_table(pa.table({"image": image}).replace_schema_metadata(kept), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home") / "private.png"
    path.write_bytes(picture(7))
    return path


@pytest.fixture(scope="module")
def hub(private: Path) -> Iterator[Hub]:
    made = Hub()
    loose = {f"test/{side}.png": picture(side) for side in (3, 4)}
    made.add(Repository("datasets", "acme/loose")).commit(loose)
    made.add(Repository("datasets", "acme/packed")).commit({"test.zip": zipped(a=picture(5), b=picture(6))})
    made.add(Repository("datasets", "acme/stray")).commit({"test.parquet": named(private)})
    with running(made):
        yield made


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("name", "sides"), [("acme/loose", [3, 4]), ("acme/packed", [5, 6])])
def test_a_datasets_own_pictures_are_read_wherever_they_lie(
    hub: Hub, tmp_path: Path, name: str, sides: list[int], streaming: bool
) -> None:
    done = python(["-c", REPORT, json.dumps([name, streaming])], environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)) == [[side, side] for side in sides]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_dataset_that_names_a_file_of_this_machine_is_refused(
    hub: Hub, private: Path, tmp_path: Path, streaming: bool
) -> None:
    done = python(["-c", REPORT, json.dumps(["acme/stray", streaming])], environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Refused: The dataset 'acme/stray' says that a picture or a sound of it is")
    assert str(private) in done.stdout
