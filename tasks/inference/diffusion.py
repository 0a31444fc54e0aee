"""Diffusion pipelines: loaded from a checkpoint's components, each picture drawn from its own seed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation, listing
from tasks.inference import checkpoints, holding
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options

ARGUMENTS = {
    "steps": "num_inference_steps",
    "guidance": "guidance_scale",
    "width": "width",
    "height": "height",
    "strength": "strength",
    "negative_prompt": "negative_prompt",
}
"""Settings of a picture, and what pipelines call them."""

SETTINGS = ("seed", *ARGUMENTS)
"""All that changes a picture."""


def pipeline_class(checkpoint: Checkpoint, *, from_pictures: bool = False) -> Any:
    """Return the class of a checkpoint's pipeline, without loading it.

    Args:
        checkpoint: The checkpoint; its model_index.json names the class.
        from_pictures: Whether it is to start from pictures: then its own class where that does, else the
            one diffusers has for that beside it, by its name.

    Raises:
        BadEvaluation: diffusers has no such class.
    """
    import diffusers

    name = str(checkpoints.config(checkpoint).get("_class_name"))
    own = getattr(diffusers, name, None)
    if own is None:
        raise BadEvaluation(f"The model '{checkpoint.name}' is a {name}, which diffusers does not have.")
    if not from_pictures or "image" in inspect.signature(own.__call__).parameters:
        return own
    beside = getattr(diffusers, f"{name.removesuffix('Pipeline')}Img2ImgPipeline", None)
    if beside is None:
        raise BadEvaluation(f"The model '{checkpoint.name}' is a {name}, which makes no picture of another.")
    return beside


def arguments(pipeline: Any, checkpoint: Checkpoint, options: Options) -> dict[str, Any]:
    """Return the settings as a pipeline calls them, those left out left to it.

    Raises:
        BadEvaluation: The pipeline takes no such setting.
    """
    taken = inspect.signature(pipeline.__call__).parameters
    given = {}
    for setting, name in ARGUMENTS.items():
        value = getattr(options, setting)
        if value is None:
            continue
        if name not in taken:
            fitting = [each for each, called in ARGUMENTS.items() if called in taken]
            raise BadEvaluation(
                f"The model '{checkpoint.name}' ({pipeline.__name__}) takes no {setting}; "
                f"it takes: {listing(fitting)}."
            )
        given[name] = value
    return given


def load(pipeline: Any, checkpoint: Checkpoint, options: Options) -> Any:
    """Load a pipeline onto the device, in the precision asked for, without its progress bars.

    Inside `holding.held` the last one loaded is taken again where it is the same.
    """
    key = (
        *(pipeline, checkpoint.place, checkpoint.commit, checkpoint.pickled),
        *(options.device, options.dtype, options.allow_remote_code),
    )
    return holding.kept(key, lambda: _loaded(pipeline, checkpoint, options))


def _loaded(pipeline: Any, checkpoint: Checkpoint, options: Options) -> Any:
    import torch

    loaded = pipeline.from_pretrained(
        checkpoint.place,
        dtype=getattr(torch, options.dtype),
        use_safetensors=not checkpoint.pickled,
        trust_remote_code=options.allow_remote_code,
        **checkpoint.loading(),
    ).to(options.device)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def network(pipeline: Any) -> Any:
    """Return the component that denoises: what does nearly all of the work."""
    return getattr(pipeline, "transformer", None) or pipeline.unet


def generators(seed: int, rows: Sequence[int]) -> list[Any]:
    """Return a source of noise for each row, from the evaluation's seed and the row's number alone.

    They draw on the CPU, so that the noise is the same on every device.

    >>> one, other = generators(0, [3, 4])
    >>> one.initial_seed() == generators(0, [3])[0].initial_seed() != other.initial_seed()
    True
    """
    import torch

    return [
        torch.Generator("cpu").manual_seed(int(np.random.default_rng((seed, row)).integers(2**63)))
        for row in rows
    ]
