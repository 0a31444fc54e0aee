"""Models that metrics look through: loaded from a folder or the Hub: safetensors, no code of theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.errors import BadEvaluation, NotFound, Refused, listing, nearest
from tasks.metrics.hub_errors import clear, first_line

_PATHS = (".", "/", "~")
_ENDLESS = 1_000_000
"""A tokenizer's `model_max_length` above this means that it states none."""

_SHIFTED = {"roberta", "xlm-roberta", "camembert", "longformer", "mpnet"}
"""Models that keep two of their positions for padding."""


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        model: The model, in single precision, for inference.
        place: Where it came from: a folder or a Hub id.
        commit: The Hub commit; None for a folder.
        lacking: Names of weights that the checkpoint does not hold, and that are random therefore.
    """

    model: Any
    place: str
    commit: str | None
    lacking: frozenset[str]

    @property
    def pin(self) -> str:
        """What exactly it is, for a score's tags."""
        return Path(self.place).name if self.commit is None else f"{self.place}@{self.commit}"


def short_name(name: str) -> str:
    """Return what a score's key calls a model: the last part of its name.

    >>> short_name("openai/clip-vit-base-patch32")
    'clip-vit-base-patch32'
    """
    return re.sub(r"[^\w.-]+", "-", name.rstrip("/").rpartition("/")[2]) or "encoder"


def check(*, encoder: object = None, model: object = None, revision: str | None = None, **_: object) -> None:
    """Check that the model a metric names can be loaded, as far as that is known without its weights.

    Raises:
        NotFound: There is no such model.
        Refused: It holds pickled weights only, or needs its own code.
    """
    name = encoder if encoder is not None else model
    if isinstance(name, str):
        _config(name, revision)


def load(auto_class: str, name: str, revision: str | None = None, device: str = "auto") -> Loaded:
    """Load a model with a transformers `AutoModel…` class, by the class's name; the last one is kept.

    Raises:
        NotFound: There is no such model, or it holds no weights.
        OutOfReach: The Hub cannot be asked and the cache does not have it.
        NoAccess: It is gated or private.
        Refused: It holds pickled weights only, or needs its own code.
    """
    _config(name, revision)
    return _load(auto_class, name, revision, _device(device), _stamp(name))


def _device(asked: str) -> str:
    import torch

    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"


def _stamp(name: str) -> float:
    """Return when a folder last changed, so that a model is not kept beyond that."""
    folder = Path(name).expanduser()
    return max((file.stat().st_mtime for file in folder.iterdir()), default=0.0) if folder.is_dir() else 0.0


@lru_cache(maxsize=1)
def _load(auto_class: str, name: str, revision: str | None, device: str, stamp: float) -> Loaded:
    import torch
    import transformers

    try:
        model, report = getattr(transformers, auto_class).from_pretrained(
            _place(name),
            revision=revision or "main",
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError) as error:
        raise clear("model", name, error) from error
    # A head or pooler that a checkpoint lacks is random, and would make a score that is another each time.
    lacking = frozenset(report["missing_keys"]) | {str(each) for each in report["mismatched_keys"]}
    essential = [key for key in sorted(lacking) if "pooler" not in key]
    if essential:
        raise BadEvaluation(
            f"The model '{name}' is not a whole {auto_class}: its checkpoint lacks {listing(essential, 3)}."
        )
    commit = getattr(model.config, "_commit_hash", None)
    return Loaded(model.to(device).eval(), _place(name), commit, lacking)


def processor(auto_class: str, name: str, revision: str | None = None) -> Any:
    """Load a model's tokenizer or image processor with a transformers `Auto…` class, by the class's name.

    Raises:
        NotFound: It has none.
    """
    import transformers

    try:
        return getattr(transformers, auto_class).from_pretrained(
            _place(name), revision=revision or "main", trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        what = "tokenizer" if auto_class == "AutoTokenizer" else "image processor"
        raise NotFound(f"The model '{name}' has no {what} that loads: {first_line(error)}") from error


def longest_input(tokenizer: Any, config: Any) -> int:
    """Return how many tokens a text may have, by what tokenizer and model state."""
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and getattr(config, "model_type", "") in _SHIFTED:
        positions -= 2
    stated = [tokenizer.model_max_length if tokenizer.model_max_length < _ENDLESS else None, positions]
    return min((length for length in stated if isinstance(length, int) and length > 0), default=_ENDLESS)


def _place(name: str) -> str:
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name


def _config(name: str, revision: str | None) -> Any:
    """Return a model's config, or say why there is none."""
    import transformers

    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(name, folder, revision)
    elif name.startswith(_PATHS) or name.count("/") > 1:
        raise _no_folder(folder)
    try:
        return transformers.AutoConfig.from_pretrained(
            _place(name), revision=revision or "main", trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise clear("model", name, error) from error


def _check_folder(name: str, folder: Path, revision: str | None) -> None:
    files = sorted(file.name for file in folder.iterdir())
    if revision:
        raise BadEvaluation(f"The model '{name}' is a folder and has no revisions; leave 'revision' out.")
    if "config.json" not in files:
        raise NotFound(f"'{name}' holds no model: it has no config.json; there are: {listing(files, 8)}.")
    if not any(file.endswith(".safetensors") for file in files):
        raise Refused(
            f"The model '{name}' holds no safetensors weights, and a metric loads nothing else (pickles can "
            f"run code); there are: {listing(files, 8)}."
        )


def _no_folder(folder: Path) -> NotFound:
    beside = [each.name for each in folder.parent.iterdir()] if folder.parent.is_dir() else []
    close = nearest(folder.name, beside)
    hint = f" Did you mean '{folder.parent / close}'?" if close else ""
    return NotFound(f"There is no model folder '{folder}'.{hint}")
