"""Images, sounds and files that anyone may have made: a bad one is a failed row, no more."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from tasks import home as places
from tasks.elsewhere.prediction_content import content
from tasks.errors import BadEvaluation
from tasks.inference import media
from tests.runs import tracked


def bomb(side: int) -> bytes:
    """Return a PNG of a few bytes that says it is a picture of so many pixels a side."""

    def part(kind: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))

    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", size) + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")


def silence(seconds: int, channels: int) -> bytes:
    buffer = io.BytesIO()
    block = np.zeros((192_000, channels), dtype="int16")
    with soundfile.SoundFile(buffer, "w", 192_000, channels, format="FLAC", subtype="PCM_16") as opened:
        for _ in range(seconds):
            opened.write(block)
    return buffer.getvalue()


def test_a_picture_too_large_to_unpack_is_a_failed_row_and_the_others_are_judged(
    demo: Path, tmp_path: Path
) -> None:
    rows = datasets.load_from_disk(str(demo / "data" / "digits"))["test"].select(range(12))
    pictures = rows.cast_column("image", datasets.Image(decode=False)).to_list()
    pictures[3]["image"] = {"bytes": bomb(60_000), "path": None}
    pictures[7]["image"] = {"bytes": None, "path": "http://169.254.169.254/latest/meta-data"}
    made = datasets.Dataset.from_list(pictures, features=rows.features)
    # Written as it is: the library would fetch the address in order to store what it leads to.
    pq.write_table(made.data.table, tmp_path / "rows.parquet")
    given = {
        "task": "image-classification",
        "dataset": {"path": str(tmp_path / "rows.parquet")},
        "models": [str(demo / "models" / "digits-resnet")],
        "metrics": ["accuracy"],
    }
    (run,) = tracked(given)
    from mlflow import MlflowClient

    metrics = MlflowClient(places.tracking_uri()).get_run(run).data.metrics
    assert (metrics["rows/failed"], metrics["rows/judged"]) == (2, 10)


def test_a_sound_too_long_to_hold_is_refused_before_it_is_unpacked() -> None:
    packed = silence(330, 8)
    assert len(packed) < 2_000_000
    with pytest.raises(ValueError, match=r"the sound is 0\.1 hours of 8 channels, too long"):
        media.heard({"bytes": packed, "path": None})
    samples, rate = media.heard({"bytes": silence(1, 2), "path": None})
    assert (len(samples), rate) == (192_000, 192_000)


@pytest.mark.parametrize(
    "address",
    ["http://10.0.0.1/x", "HTTPS://host/x", "ftp://host/x", "ssh://host/x", "zip://a.png::http://host/x.zip"],
)
def test_a_row_does_not_make_this_machine_ask_an_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"address, not one of the dataset's own files"):
        media.encoded({"bytes": None, "path": address})


def test_a_row_may_name_a_file_of_its_dataset(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (2, 2)).save(path)
    assert media.image({"bytes": None, "path": str(path)}).size == (2, 2)


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_predictions_nested_without_end_are_refused_in_a_sentence(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"p{ending}"
    path.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(BadEvaluation, match="cannot be read"):
        content(str(path), "digest")


def test_a_long_line_of_json_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"prediction": "x" * 30_000_000}), encoding="utf-8")
    assert content(str(path), "digest").rows == 1
