"""The demo's assets: whole or not at all, made once, and never more than what was pinned."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from infra.demo import messages, packages, templates
from infra.demo.assets import Asset, NotToBeHad
from infra.demo.packages import Package, fetch, unpack

THIS = sys.modules[__name__]


def test_the_committed_messages_are_those_the_script_writes(tmp_path: Path) -> None:
    messages.write(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == messages.FILE.read_bytes()


def test_messages_pair_tokens_with_tags_and_share_nothing_between_splits() -> None:
    train, test = messages.read("train"), messages.read("test")
    assert len(train) > 400
    assert len(test) > 150
    for message in train + test:
        assert len(message["tokens"]) == len(message["tags"])
        assert set(message["tags"]) <= set(messages.TAGS)
        assert message["topic"] in messages.TOPICS
    assert not {message["text"] for message in train} & {message["text"] for message in test}
    for topic, lines in templates.TRAIN.items():
        assert not set(lines.split("\n")) & set(templates.TEST[topic].split("\n")) - {""}
    for kind, choices in templates.GAPS["train"].items():
        assert not set(choices.split("|")) & set(templates.GAPS["test"][kind].split("|"))


def test_an_asset_is_made_once_and_again_when_its_recipe_changes(tmp_path: Path) -> None:
    made = []

    def make(folder: Path, demo: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("x", encoding="utf-8")

    asset = Asset("data/thing", make, (THIS,))
    assert not asset.is_ready(tmp_path)
    asset.build(tmp_path)
    assert asset.is_ready(tmp_path)
    assert not Asset("data/thing", make, (packages,)).is_ready(tmp_path)


def test_a_half_made_asset_is_not_there(tmp_path: Path) -> None:
    def make(folder: Path, demo: Path) -> None:
        (folder / "file").write_text("x", encoding="utf-8")
        raise NotToBeHad("no more")

    asset = Asset("data/thing", make, (THIS,))
    with pytest.raises(NotToBeHad):
        asset.build(tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_package_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrives(package: Package, cache: Path, stem: str) -> Path:
        path = cache / f"{stem}-1.0-py3-none-any.whl"
        path.write_bytes(b"something else")
        return path

    monkeypatch.setattr(packages, "_from_pip", arrives)
    with pytest.raises(NotToBeHad, match="not the one that was pinned"):
        fetch(Package("some-package", "1.0", "0" * 64), tmp_path)
    right = hashlib.sha256(b"something else").hexdigest()
    assert fetch(Package("some-package", "1.0", right), tmp_path).read_bytes() == b"something else"


@pytest.mark.parametrize("name", ["../../escaped.txt", "/escaped.txt"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    wheel, archive = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as opened:
        opened.writestr(f"data/{name}" if name.startswith(".") else name, "x")
    with tarfile.open(archive, "w:gz") as packed:
        member = tarfile.TarInfo(f"data/{name}" if name.startswith(".") else name)
        member.size = 1
        packed.addfile(member, io.BytesIO(b"x"))
    for path in (wheel, archive):
        with pytest.raises(NotToBeHad, match="unsafe name"):
            unpack(path, "data/", tmp_path / "into")
    assert not (tmp_path / "escaped.txt").exists()


def test_core_models_load_and_know_their_labels(demo: Path) -> None:
    import transformers

    model = transformers.AutoModelForImageClassification.from_pretrained(demo / "models" / "digits-resnet")
    assert model.config.id2label[3] == "three"
