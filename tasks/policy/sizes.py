"""Sizes: bytes of what an evaluation would read, as far as they are known before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks import hub
from tasks.candidates import Candidate
from tasks.errors import OutOfReach, Refused
from tasks.hub import Repository
from tasks.load import RowsReference, count_of
from tasks.policy import places
from tasks.policy.admission import check_count
from tasks.policy.rules import Standing
from tasks.spec import Dataset

GIGABYTE = 1e9
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".msgpack", ".h5", ".onnx", ".skops")
"""What a model's files are counted by: a repository can hold much beside them."""


def check_dataset(dataset: Dataset, standing: Standing) -> None:
    """Refuse a dataset whose files are larger than the policy allows; one that is streamed has no limit.

    Raises:
        Refused: It is too large.
        UserError: There is none, or it may not be read.
    """
    most = standing.policy.limits.dataset_gb
    if most is None or dataset.streaming:
        return
    there = places.local(dataset.path)
    size = on_disk(there) if there else on_hub("dataset", dataset.path, dataset.revision)
    _check("dataset", dataset.path, size, most, "dataset_gb", standing, "; stream it with streaming: true")


def check_rows(rows: RowsReference, standing: Standing) -> None:
    """Refuse more rows than the policy allows, or a stream of which nobody knows how many it has.

    Raises:
        Refused: There are too many.
    """
    most, count = standing.policy.limits.rows, count_of(rows)
    if most is None:
        return
    if count is None and (rows.limit is None or rows.limit > most):
        raise Refused(
            f"How many rows '{rows.name}' has is not known before it is streamed, and the policy of this "
            f"installation allows {most:,} (limits.rows in {standing.file}); give dataset.limit."
        )
    check_count("rows", count if count is not None else int(rows.limit or 0), standing, f"'{rows.name}'")


def check_models(candidates: Sequence[Candidate], standing: Standing) -> None:
    """Refuse a model whose weights are larger than the policy allows; those run elsewhere have no limit.

    Raises:
        Refused: One is too large.
    """
    most = standing.policy.limits.model_gb
    if most is None:
        return
    for each in candidates:
        checkpoint = each.checkpoint
        if checkpoint.endpoint is not None or checkpoint.form in {"predictions", "function"}:
            continue
        size = (
            on_disk(Path(checkpoint.place), WEIGHTS)
            if checkpoint.local
            else on_hub("model", checkpoint.place, checkpoint.commit, WEIGHTS)
        )
        _check("model", each.title, size, most, "model_gb", standing)


def _check(
    kind: Repository, name: str, size: int | None, most: float, limit: str, standing: Standing, way: str = ""
) -> None:
    if size is not None and size > most * GIGABYTE:
        raise Refused(
            f"The {kind} '{name}' has {size / GIGABYTE:,.3g} GB, and the policy of this installation allows "
            f"{most:,.3g} (limits.{limit} in {standing.file}){way}."
        )


def on_disk(path: Path, endings: tuple[str, ...] = ("",)) -> int:
    """Return the bytes of a file, or of the files below a folder whose names end so.

    >>> on_disk(Path("/no/such/thing"))
    0
    """
    files: Iterable[Path] = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.name.endswith(endings) and each.is_file())


def on_hub(kind: Repository, name: str, revision: str | None, endings: tuple[str, ...] = ("",)) -> int | None:
    """Return the bytes of a repository's files whose names end so; None where the Hub cannot be asked.

    Raises:
        UserError: There is no such repository, or it may not be read.
    """
    from huggingface_hub import HfApi, constants

    if constants.is_offline_mode():
        return None
    hub.be_patient()
    try:
        with hub.clear_errors(kind, name):
            found: Any = HfApi().repo_info(name, repo_type=kind, revision=revision, files_metadata=True)
    except OutOfReach:
        return None
    return sum(each.size or 0 for each in found.siblings or () if each.rfilename.endswith(endings))
