"""Records: everything that one MLflow run is to hold, as a folder on this disk, before any of it is sent.

A record is written whole or not at all, and is the same however often it is sent: times, values and file
names are decided when it is written.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTENT = "record.json"
ARTIFACTS = "artifacts"
AFTER = "after.json"
SENT = "sent.json"


@dataclass(frozen=True)
class DatasetRecord:
    """The rows a run stands on, as MLflow describes a dataset."""

    name: str
    digest: str
    source_type: str
    source: str
    profile: str
    split: str


@dataclass(frozen=True)
class ModelRecord:
    """The model a run judges, as MLflow describes one that it does not store.

    Attributes:
        known_by: A digest of what makes it the same model as another run's.
    """

    name: str
    known_by: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    kind: str


@dataclass(frozen=True)
class Record:
    """What one run is to hold, but for its artifacts.

    Attributes:
        key: What tells it from every other run: a run is never made twice for one key.
        experiment: The name of its experiment.
        name: The run's name.
        tags: Set as the run is made.
        params: Pins and settings.
        metrics: By name; scores, intervals, speed.
        scores: Names of those metrics that are scores, tied to the model and the dataset.
        started: Milliseconds since 1970.
        ended: Likewise; None for a run that stays open, as a parent does.
        parent: The key of its parent run.
    """

    key: str
    experiment: str
    name: str
    tags: Mapping[str, str]
    started: int
    ended: int | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    scores: Sequence[str] = ()
    parent: str | None = None
    dataset: DatasetRecord | None = None
    model: ModelRecord | None = None


@dataclass(frozen=True)
class After:
    """What a run is told once it is there.

    Attributes:
        tags: Tags that depend on other runs.
        status: How it ended.
        views: How its experiment is shown, by task type.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    status: Literal["FINISHED", "FAILED", "KILLED"] | None = None
    views: Mapping[str, Any] = field(default_factory=dict)


class ArtifactFolder:
    """Takes artifacts as `MlflowClient` does, by the same names, and keeps them in a folder.

    Attributes:
        tags: What MLflow's pages read to find the tables and pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: list[str] = []
        self._pictured = False
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which MLflow's pages know of tables and pictures."""
        tables = [{"path": path, "type": "table"} for path in self._tables]
        tags = {"mlflow.loggedArtifacts": json.dumps(tables)} if tables else {}
        return tags | ({"mlflow.loggedImages": "True"} if self._pictured else {})

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def log_table(self, run_id: str, data: Mapping[str, Any], artifact_file: str) -> None:
        """Keep a table as JSON, its pictures as files beside it."""
        import pandas as pd

        frame = pd.DataFrame(dict(data))
        stem = artifact_file.rpartition(".")[0]
        for column, values in data.items():
            if len(values) and all(hasattr(each, "resize") and hasattr(each, "save") for each in values):
                frame[column] = [
                    self._picture(each, f"table_images/{stem}/{column}-{number}", "")
                    for number, each in enumerate(values)
                ]
        frame.to_json(self._path(artifact_file), orient="split", index=False, date_format="iso")
        if artifact_file not in self._tables:
            self._tables.append(artifact_file)

    def _picture(self, picture: Any, stem: str, small: str) -> dict[str, str]:
        """Keep a picture and a small one for tables; return what a table says of it."""
        from mlflow.tracking.multimedia import compress_image_size

        kept = {"type": "image", "filepath": f"{stem}.png", "compressed_filepath": f"{stem}{small}.webp"}
        picture.save(self._path(kept["filepath"]))
        compress_image_size(picture).save(self._path(kept["compressed_filepath"]))
        return kept

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int = 0,
        timestamp: int = 0,
    ) -> None:
        """Keep a picture as a file, or under a key that MLflow's grid of pictures shows."""
        from mlflow.tracking.multimedia import Image, convert_to_pil_image

        if hasattr(image, "to_pil"):
            drawn = image.to_pil()
        else:
            drawn = (
                image if hasattr(image, "resize") and hasattr(image, "save") else convert_to_pil_image(image)
            )
        if artifact_file is not None:
            drawn.save(self._path(artifact_file))
            return
        self._pictured = True
        stem = f"images/{str(key).replace('/', '~')}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"
        self._picture(Image(drawn), stem, "+compressed")

    def log_figure(self, run_id: str, figure: Figure, artifact_file: str) -> None:
        """Keep a drawing."""
        figure.savefig(self._path(artifact_file))

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Keep a text."""
        self._path(artifact_file).write_text(text, encoding="utf-8")

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any], artifact_file: str) -> None:
        """Keep an object as JSON."""
        self.log_text(run_id, json.dumps(dictionary, indent=2, default=str), artifact_file)

    def log_artifact(self, run_id: str, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Keep a copy of a file."""
        name = Path(local_path).name
        shutil.copyfile(local_path, self._path(f"{artifact_path}/{name}" if artifact_path else name))

    def log_artifacts(self, run_id: str, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Keep a copy of a folder's content."""
        shutil.copytree(local_dir, self.folder / (artifact_path or ""), dirs_exist_ok=True)


def write(folder: Path, name: str, content: Any) -> None:
    """Write a JSON file of a record, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}.{uuid.uuid4().hex}"
    unfinished.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(unfinished, folder / name)


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """Read a JSON file of a record; None where there is none."""
    try:
        content: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def put(folder: Path, record: Record, artifacts: Path | None = None) -> None:
    """Put a record in its place, with the artifacts that lie ready in another folder of the same disk."""
    ready = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    write(ready, CONTENT, asdict(record))
    if artifacts is not None:
        os.replace(artifacts, ready / ARTIFACTS)
    os.replace(ready, folder)


def take(folder: Path) -> Record | None:
    """Read a record; None where the folder holds none."""
    content = read(folder, CONTENT)
    if content is None:
        return None
    dataset, model = content.pop("dataset"), content.pop("model")
    return Record(
        **content,
        dataset=DatasetRecord(**dataset) if dataset else None,
        model=ModelRecord(**model) if model else None,
    )


def after(folder: Path) -> After:
    """Read what a record's run is to be told once it is there."""
    return After(**(read(folder, AFTER) or {}))
