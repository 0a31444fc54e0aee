"""Converted: models as CTranslate2 reads them, converted once and kept, and loaded from there."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tasks import home, hub
from tasks.errors import BadEvaluation, listing
from tasks.inference import holding
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options

Kind = Literal["Whisper", "Translator", "Generator"]
"""CTranslate2's classes: speech recognition, sequence to sequence, causal language models."""


def placed(device: str) -> dict[str, Any]:
    """Return a torch device in CTranslate2's terms.

    >>> placed("cuda:1"), placed("cpu")
    ({'device': 'cuda', 'device_index': 1}, {'device': 'cpu', 'device_index': 0})
    """
    name, _, number = device.partition(":")
    return {"device": name, "device_index": int(number or 0)}


def check(options: Options) -> None:
    """Refuse what CTranslate2 does not run on this machine.

    Raises:
        BadEvaluation: It lacks the device, or the precision on it.
    """
    import ctranslate2

    there = placed(options.device)
    if there["device"] not in {"cpu", "cuda"}:
        raise BadEvaluation(f"The engine ctranslate2 runs on cpu and cuda, not on {options.device}.")
    if there["device"] == "cuda" and ctranslate2.get_cuda_device_count() <= there["device_index"]:
        raise BadEvaluation(f"The engine ctranslate2 does not see {options.device} on this machine.")
    able = ctranslate2.get_supported_compute_types(**there)
    if options.dtype not in able:
        named = [each for each in ("float32", "bfloat16", "float16") if each in able]
        raise BadEvaluation(
            f"The engine ctranslate2 has no {options.dtype} on {options.device}; there are: {listing(named)}."
        )


def model(kind: Kind, checkpoint: Checkpoint, options: Options) -> Any:
    """Load a model with CTranslate2, converting it first where that was not done before.

    Args:
        kind: What it is loaded as.
        checkpoint: A transformers checkpoint, or one in CTranslate2's own form.
        options: Its device and precision.
    """
    key = (kind, checkpoint.place, checkpoint.commit, options.device, options.dtype)
    return holding.kept(key, lambda: _loaded(kind, checkpoint, options))


def _loaded(kind: Kind, checkpoint: Checkpoint, options: Options) -> Any:
    import ctranslate2
    import torch

    loaded = {
        "Whisper": ctranslate2.models.Whisper,
        "Translator": ctranslate2.Translator,
        "Generator": ctranslate2.Generator,
    }[kind]
    return loaded(
        str(folder(checkpoint, options)),
        compute_type=options.dtype,
        intra_threads=torch.get_num_threads(),
        **placed(options.device),
    )


def folder(checkpoint: Checkpoint, options: Options) -> Path:
    """Return the folder of a converted checkpoint, in the precision asked for."""
    if checkpoint.form == "ctranslate2":
        if checkpoint.local:
            return Path(checkpoint.place)
        files = hub.model_files(checkpoint.place, checkpoint.commit)
        wanted = [file for file in files if file.endswith((".bin", ".json", ".txt")) and "/" not in file]
        fetched = [hub.model_file(checkpoint.place, checkpoint.commit, file) for file in wanted]
        return fetched[0].parent
    named = f"{checkpoint.commit}-{options.dtype}-{version('ctranslate2')}"
    kept = home.home() / "converted" / named
    if not kept.is_dir():
        _convert(checkpoint, options, kept)
    return kept


def _convert(checkpoint: Checkpoint, options: Options, kept: Path) -> None:
    """Convert beside the place where it is kept, so that it is there whole or not at all."""
    from ctranslate2.converters import TransformersConverter

    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as temporary:
        made = Path(temporary) / "model"
        TransformersConverter(
            checkpoint.place,
            revision=checkpoint.loading().get("revision"),
            trust_remote_code=options.allow_remote_code,
        ).convert(str(made), quantization=options.dtype)
        try:
            made.rename(kept)
        except OSError:
            # Another process was faster: what it made is the same.
            if not kept.is_dir():
                raise
            shutil.rmtree(made)
