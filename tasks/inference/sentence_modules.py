"""Sentence modules: how a sentence-transformers checkpoint makes one vector of a text's token vectors.

Read from the checkpoint's own `modules.json` and the configs it names: pooling, dense layers, normalisation,
prompts, longest text. A checkpoint without them is pooled by the mean of its tokens.

Source: Reimers and Gurevych (2019), Sentence-BERT; the reference is the sentence-transformers library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import hub
from tasks.errors import BadEvaluation, listing
from tasks.inference.checkpoints import Checkpoint

if TYPE_CHECKING:
    import torch

POOLINGS = (
    "cls_token",
    "max_tokens",
    "mean_tokens",
    "mean_sqrt_len_tokens",
    "weightedmean_tokens",
    "lasttoken",
)
"""What a pooling config may switch on, in the order in which several are laid end to end."""

Layer = Callable[["torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True)
class Sentence:
    """How a checkpoint reads a text as a whole.

    Attributes:
        pooling: What is made of the token vectors, of `POOLINGS`.
        dense: Folders of dense layers, in order.
        normalized: Whether vectors are brought to length 1.
        longest: The most tokens it states; None where it states none.
        lower: Whether texts are lower-cased first.
        prompts: What texts begin with, by what they are: query, document …
        usual: The prompt of texts that are nothing in particular.
        similarity: How vectors are compared: cosine or dot.
        stated: Whether the checkpoint says all this, and it is not assumed.
    """

    pooling: tuple[str, ...] = ("mean_tokens",)
    dense: tuple[str, ...] = ()
    normalized: bool = False
    longest: int | None = None
    lower: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    usual: str | None = None
    similarity: str = "cosine"
    stated: bool = False

    def prompt(self, *names: str) -> str:
        """Return what a text begins with that goes by one of these names, or by none."""
        named = [name for name in (*names, self.usual) if name and name in self.prompts]
        return self.prompts[named[0]] if named else ""


def of(checkpoint: Checkpoint) -> Sentence:
    """Read how a checkpoint makes vectors of texts.

    Raises:
        BadEvaluation: It has modules of other kinds, or compares vectors in another way.
    """
    modules = _json(checkpoint, "modules.json")
    if not modules:
        return Sentence()
    pooling: tuple[str, ...] = ()
    dense: list[str] = []
    normalized = False
    for module in modules:
        kind = str(module["type"]).rpartition(".")[2]
        if kind == "Pooling":
            found = _json(checkpoint, f"{module['path']}/config.json") or {}
            pooling = _poolings(found)
        elif kind == "Dense":
            dense.append(str(module["path"]))
        elif kind == "Normalize":
            normalized = True
        elif kind != "Transformer":
            raise BadEvaluation(
                f"The model '{checkpoint.name}' has a module '{kind}'; understood are Transformer, Pooling, "
                "Dense and Normalize."
            )
    reading = _json(checkpoint, "sentence_bert_config.json") or {}
    library = _json(checkpoint, "config_sentence_transformers.json") or {}
    similarity = library.get("similarity_fn_name") or "cosine"
    if similarity not in {"cosine", "dot"}:
        raise BadEvaluation(
            f"The model '{checkpoint.name}' compares by '{similarity}'; understood are cosine and dot."
        )
    return Sentence(
        pooling=pooling or ("mean_tokens",),
        dense=tuple(dense),
        normalized=normalized,
        longest=reading.get("max_seq_length"),
        lower=bool(reading.get("do_lower_case")),
        prompts=library.get("prompts") or {},
        usual=library.get("default_prompt_name"),
        similarity=similarity,
        stated=True,
    )


def _poolings(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the poolings a config switches on.

    >>> _poolings({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    ('cls_token',)
    >>> _poolings({"pooling_mode": "mean"})
    ('mean_tokens',)
    """
    named = config.get("pooling_mode")
    if named:
        given = [named] if isinstance(named, str) else list(named)
        chosen = [
            name for name in POOLINGS for each in given if name in {each, f"{each}_token", f"{each}_tokens"}
        ]
    else:
        chosen = [name for name in POOLINGS if config.get(f"pooling_mode_{name}")]
    if not chosen:
        raise BadEvaluation(f"A pooling config names none of {listing(POOLINGS)}.")
    return tuple(chosen)


def pooled(tokens: torch.Tensor, mask: torch.Tensor, poolings: Sequence[str]) -> torch.Tensor:
    """Return one vector a row of its token vectors.

    Args:
        tokens: Shape (rows, length, width).
        mask: Which tokens are real, shape (rows, length).
        poolings: Of `POOLINGS`; several are laid end to end.

    >>> import torch
    >>> tokens = torch.tensor([[[2.0], [4.0], [9.0]]])
    >>> pooled(tokens, torch.tensor([[1, 1, 0]]), ["cls_token", "mean_tokens", "lasttoken"]).tolist()
    [[2.0, 3.0, 4.0]]
    """
    import torch

    real = mask[..., None].to(tokens.dtype)
    count = real.sum(1).clamp(min=1e-9)
    places = torch.arange(tokens.shape[1], device=tokens.device)
    first = torch.where(mask > 0, places, tokens.shape[1]).argmin(-1)
    last = torch.where(mask > 0, places, -1).argmax(-1)
    rows = torch.arange(len(tokens), device=tokens.device)
    found = []
    for name in poolings:
        if name == "cls_token":
            found.append(tokens[rows, first])
        elif name == "lasttoken":
            found.append(tokens[rows, last])
        elif name == "max_tokens":
            found.append(tokens.masked_fill(real == 0, float("-inf")).amax(1))
        elif name == "weightedmean_tokens":
            weights = real * (mask.cumsum(-1)[..., None]).to(tokens.dtype)
            found.append((tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9))
        else:
            root = count.sqrt() if name == "mean_sqrt_len_tokens" else count
            found.append((tokens * real).sum(1) / root)
    return torch.cat(found, dim=-1)


def dense(checkpoint: Checkpoint, folder: str, device: str) -> Layer:
    """Load a dense layer with its activation.

    Raises:
        BadEvaluation: Its weights are not there as safetensors, or its activation is another.
    """
    import torch
    from safetensors.torch import load_file

    config = _json(checkpoint, f"{folder}/config.json") or {}
    weights = _file(checkpoint, f"{folder}/model.safetensors")
    activation = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    known: dict[str, Layer] = {
        "Identity": torch.nn.Identity(),
        "Tanh": torch.tanh,
        "ReLU": torch.relu,
        "GELU": torch.nn.GELU(),
    }
    if weights is None or activation not in known:
        raise BadEvaluation(
            f"The dense layer '{folder}' of '{checkpoint.name}' needs model.safetensors and an activation "
            f"among {listing(known)}."
        )
    held = {name: value.float().to(device) for name, value in load_file(weights).items()}

    def apply(vectors: torch.Tensor) -> torch.Tensor:
        linear = torch.nn.functional.linear(vectors, held["linear.weight"], held.get("linear.bias"))
        return known[activation](linear)

    return apply


def _file(checkpoint: Checkpoint, name: str) -> Path | None:
    if checkpoint.local:
        path = Path(checkpoint.place) / name
        return path if path.is_file() else None
    there = hub.model_files(checkpoint.place, checkpoint.commit)
    return hub.model_file(checkpoint.place, checkpoint.commit, name) if name in there else None


def _json(checkpoint: Checkpoint, name: str) -> Any:
    path = _file(checkpoint, name)
    return json.loads(path.read_text(encoding="utf-8")) if path else None
