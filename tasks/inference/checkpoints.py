"""Checkpoints: a model's name resolved to a commit, and checked without loading its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from tasks import hub, sources
from tasks.errors import BadEvaluation, NotFound, Refused, listing, nearest
from tasks.inference.endpoints import Endpoint

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Checkpoint:
    """A model pinned to its exact content, which a model behind an endpoint cannot be.

    Attributes:
        name: What people call it: the Hub id, the local folder's name, or the endpoint's name for it.
        place: What `from_pretrained` takes: the Hub id, or the absolute path of the folder; an endpoint's
            model has its address.
        commit: The Hub commit, or the SHA-256 of the folder's files; empty behind an endpoint.
        local: Whether it is a folder.
        pickled: Whether its weights are pickles only, which the evaluation then allows; of a skops file,
            whether it may hold types that skops does not trust.
        endpoint: Where it is asked, when another server runs it.
        form: How it is stored: as transformers keeps models, converted for CTranslate2, as diffusers keeps
            pipelines, or skops estimators.
        file: The file it is in, where it is a single one.
        said: What it is known to be made of, as the JSON of a config, where no file states that.
    """

    name: str
    place: str
    commit: str
    local: bool
    pickled: bool = False
    endpoint: Endpoint | None = None
    form: Literal["transformers", "ctranslate2", "diffusers", "skops", "predictions", "function"] = (
        "transformers"
    )
    file: str = ""
    said: str = ""

    @property
    def stated(self) -> str:
        """The file that states what it is made of."""
        return "model_index.json" if self.form == "diffusers" else "config.json"

    def loading(self) -> dict[str, Any]:
        """Return the arguments that pin `from_pretrained` to this checkpoint."""
        return {} if self.local else {"revision": self.commit}


def resolve(
    name: str, revision: str | None, *, allow_pickle: bool = False, allow_remote_code: bool = False
) -> Checkpoint:
    """Find a model, pin it, and refuse what the evaluation does not allow; no weights are read.

    Raises:
        NotFound: There is no such model, or the folder holds none.
        NoAccess: Its repository is gated or private.
        Refused: It has only pickled weights, or needs its own code, and that was not allowed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision:
            raise BadEvaluation(f"The model '{name}' is a folder and has no revisions; leave 'revision' out.")
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        place, commit = str(folder.resolve()), sources.digest(folder)
        checkpoint = Checkpoint(folder.resolve().name, place, commit, local=True)
    elif name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise _no_folder(folder)
    else:
        commit = hub.model_commit(name, revision)
        files = hub.model_files(name, commit)
        checkpoint = Checkpoint(name, name, commit, local=False)
    return _allowed(checkpoint, files, allow_pickle, allow_remote_code)


def _allowed(
    checkpoint: Checkpoint, files: Sequence[str], allow_pickle: bool, allow_remote_code: bool
) -> Checkpoint:
    estimators = [file for file in files if file.endswith(".skops")]
    if len(estimators) > 1:
        raise BadEvaluation(f"'{checkpoint.place}' holds several models: {listing(estimators)}; keep one.")
    if estimators:
        return replace(checkpoint, form="skops", file=estimators[0], pickled=allow_pickle)
    if "model_index.json" in files:
        checkpoint = replace(checkpoint, form="diffusers")
    if checkpoint.stated not in files:
        raise NotFound(
            f"'{checkpoint.place}' holds no model: it has no config.json; there are: {listing(files, 8)}."
        )
    if _own_code(config(checkpoint)) and not allow_remote_code:
        raise Refused(
            f"The model '{checkpoint.name}' runs code from its own repository; "
            "read that code, then set allow_remote_code: true."
        )
    if any(file.endswith(".safetensors") for file in files):
        return checkpoint
    if "model.bin" in files and any("vocabulary." in file for file in files):
        return replace(checkpoint, form="ctranslate2")
    pickles = [file for file in files if file.endswith(PICKLES)]
    if not pickles:
        raise NotFound(f"'{checkpoint.place}' holds no weights; there are: {listing(files, 8)}.")
    if not allow_pickle:
        raise Refused(
            f"The model '{checkpoint.name}' has only pickled weights ({pickles[0]}), which can run code "
            "when loaded; set allow_pickle: true if you trust it."
        )
    return replace(checkpoint, pickled=True)


def behind(endpoint: Endpoint) -> Checkpoint:
    """Return the model of an endpoint, which has no commit to pin it to."""
    return Checkpoint(endpoint.model, endpoint.place, "", local=False, endpoint=endpoint)


def _own_code(stated: Mapping[str, Any]) -> bool:
    """Tell whether a model, or a pipeline as a whole, names a class of its own repository."""
    return bool(stated.get("auto_map")) or isinstance(stated.get("_class_name"), list)


def _no_folder(folder: Path) -> NotFound:
    there: list[str] = []
    if folder.parent.is_dir():
        there = sorted(each.name for each in folder.parent.iterdir() if each.is_dir())
    close = nearest(folder.name, there)
    hint = f" Did you mean '{folder.parent / close}'?" if close else ""
    beside = f"; there are: {listing(there)}" if there else ""
    return NotFound(f"There is no model folder '{folder}'{beside}.{hint}")


@lru_cache(maxsize=64)
def _config_text(place: str, commit: str, local: bool, file: str) -> str:
    path = Path(place) / file if local else hub.model_file(place, commit, file)
    return path.read_text(encoding="utf-8")


def config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the checkpoint's config.json, or a pipeline's model_index.json.

    Raises:
        BadEvaluation: It is not a JSON object.
    """
    try:
        found = json.loads(
            checkpoint.said
            or _config_text(checkpoint.place, checkpoint.commit, checkpoint.local, checkpoint.stated)
        )
    except ValueError as error:
        raise BadEvaluation(
            f"The {checkpoint.stated} of '{checkpoint.name}' is not JSON: {error}."
        ) from error
    if not isinstance(found, dict):
        raise BadEvaluation(f"The {checkpoint.stated} of '{checkpoint.name}' is not a JSON object.")
    return found


def labels(checkpoint: Checkpoint) -> list[str]:
    """Return the names of the checkpoint's labels, in the order of its outputs.

    A checkpoint that names none has LABEL_0, LABEL_1, …, as transformers calls them.
    """
    found = config(checkpoint)
    named = found.get("id2label")
    if named:
        return [str(named[key]) for key in sorted(named, key=int)]
    return [f"LABEL_{number}" for number in range(int(found.get("num_labels", 2)))]
