"""Loading models and their processors, pinned and in the precision asked for; calling them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks import hub
from tasks.inference import attention, holding, linear
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options
from tasks.inference.threads import PerThread

ENDLESS = 1_000_000
"""A tokenizer's `model_max_length` above this means that it states none."""


def model(auto_class: str, checkpoint: Checkpoint, options: Options) -> Any:
    """Load a model for inference with a transformers `AutoModelFor…` class, by the class's name.

    Inside `holding.held` the last one loaded is taken again where it is the same.
    """
    key = (
        *(auto_class, checkpoint.place, checkpoint.commit, checkpoint.pickled),
        *(options.device, options.dtype, options.attention, options.compile, options.allow_remote_code),
    )
    return holding.kept(key, lambda: _loaded(auto_class, checkpoint, options))


def _loaded(auto_class: str, checkpoint: Checkpoint, options: Options) -> Any:
    import torch
    import transformers

    hub.be_patient()
    chosen = {} if options.attention == "auto" else {"attn_implementation": options.attention}
    loaded = getattr(transformers, auto_class).from_pretrained(
        checkpoint.place,
        dtype=getattr(torch, options.dtype),
        use_safetensors=not checkpoint.pickled,
        trust_remote_code=options.allow_remote_code,
        **chosen,
        **checkpoint.loading(),
    )
    ready = loaded.to(options.device).eval()
    if options.device == "cpu" and options.attention == "auto" and _fused(ready):
        ready.set_attn_implementation(attention.register())
    if any(weights.dim() == 4 for weights in ready.parameters()):
        # Convolutions are up to twice as fast where the channels of a pixel lie together.
        ready = ready.to(memory_format=torch.channels_last)
    if options.compile:
        ready.compile(dynamic=True)
    elif options.device == "cpu":
        linear.accelerate(ready)
    return ready


def _fused(model: Any) -> bool:
    """Tell whether all of a model's attention goes through torch's fused kernel by transformers' table."""
    config = model.config
    parts = [config, *(getattr(config, name) for name in config.sub_configs if getattr(config, name, None))]
    return all(getattr(part, "_attn_implementation", None) == "sdpa" for part in parts)


def tokenizer(checkpoint: Checkpoint, options: Options, **more: Any) -> Any:
    """Load the checkpoint's tokenizer, for any number of threads; `more` goes to its constructor."""
    return PerThread(_processor("AutoTokenizer", checkpoint, options, **more))


def image_processor(checkpoint: Checkpoint, options: Options) -> Any:
    """Load the checkpoint's image processor."""
    return _processor("AutoImageProcessor", checkpoint, options)


def feature_extractor(checkpoint: Checkpoint, options: Options) -> Any:
    """Load the checkpoint's feature extractor of sounds."""
    return _processor("AutoFeatureExtractor", checkpoint, options)


def processor(checkpoint: Checkpoint, options: Options) -> Any:
    """Load the checkpoint's processor: a feature extractor with a tokenizer."""
    return _processor("AutoProcessor", checkpoint, options)


def _processor(auto_class: str, checkpoint: Checkpoint, options: Options, **more: Any) -> Any:
    import transformers

    return getattr(transformers, auto_class).from_pretrained(
        checkpoint.place, trust_remote_code=options.allow_remote_code, **checkpoint.loading(), **more
    )


def longest_input(tokenizer: Any, config: Any, options: Options) -> int:
    """Return how many tokens an input may have: what was asked, within what tokenizer and model state."""
    stated = [
        options.max_tokens,
        tokenizer.model_max_length if tokenizer.model_max_length < ENDLESS else None,
        _positions(config),
    ]
    return min((length for length in stated if length), default=ENDLESS)


def _positions(config: Any) -> int | None:
    """Return how many positions a model has; RoBERTa's kin count two of theirs for padding."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return None
    shifted = getattr(config, "model_type", "") in {
        "roberta",
        "xlm-roberta",
        "camembert",
        "longformer",
        "mpnet",
    }
    return positions - 2 if shifted else positions


def run(model: Any, batch: Mapping[str, Any]) -> Any:
    """Call a model on a batch without gradients, on its own device and in its own precision."""
    import torch

    with torch.inference_mode():
        return model(**moved(model, batch))


def moved(model: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Move a batch's tensors to the model's device, and its floating-point ones to the model's precision."""
    import torch

    device, dtype = model.device, model.dtype
    there = {}
    for name, value in batch.items():
        if device.type == "cuda":
            # From pinned memory the copy goes on beside the computation.
            value = value.pin_memory()
        if value.dim() == 4 and value.is_floating_point():
            value = value.contiguous(memory_format=torch.channels_last)
        there[name] = value.to(device, dtype if value.is_floating_point() else value.dtype, non_blocking=True)
    return there


@dataclass(frozen=True)
class Group:
    """Rows of a batch that go through the model together: their positions, and their tensors as one."""

    positions: list[int]
    batch: dict[str, Any]


def alike(features: Sequence[Mapping[str, Any]], extractor: Any) -> list[Group]:
    """Group rows so that none is changed by the padding of another.

    Rows are padded to one length where the model is told by a mask what is padding, and otherwise only those
    of one shape go together.

    Args:
        features: Of each row, its tensors by name, shape (1, ...).
        extractor: The feature extractor that made them.
    """
    import torch

    if getattr(extractor, "return_attention_mask", False) and len(features) > 1:
        apart = [{name: value[0] for name, value in each.items()} for each in features]
        padded = extractor.pad(apart, padding=True, return_tensors="pt")
        return [Group(list(range(len(features))), dict(padded))]
    by_shape: dict[Any, list[int]] = {}
    for position, each in enumerate(features):
        by_shape.setdefault(tuple(tuple(value.shape) for value in each.values()), []).append(position)
    return [
        Group(
            together, {name: torch.cat([features[each][name] for each in together]) for name in features[0]}
        )
        for together in by_shape.values()
    ]
