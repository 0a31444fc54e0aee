"""What a vision model sees in pictures: one vector a picture, or vectors by place and layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import encoders
from tasks.metrics.images import pixels
from tasks.metrics.statistics import FloatArray

Encoder = str | Callable[[list[Any]], Any]
"""A vision model's folder or Hub id, or a function from pictures to features."""


def name(encoder: Encoder | None) -> str:
    """Return what a score's key calls an encoder; empty for features that were given."""
    if encoder is None:
        return ""
    if isinstance(encoder, str):
        return encoders.short_name(encoder)
    return encoders.short_name(getattr(encoder, "__name__", type(encoder).__name__))


def pin(encoder: Encoder, revision: str | None, device: str) -> str:
    """Return what exactly an encoder is, for a score's tags."""
    return (
        encoders.load("AutoModel", encoder, revision, device).pin
        if isinstance(encoder, str)
        else name(encoder)
    )


def key(metric: str, encoder: Encoder | None) -> str:
    """Return a score's key.

    >>> key("frechet_distance", "openai/clip-vit-base-patch32")
    'frechet_distance_clip-vit-base-patch32'
    """
    return f"{metric}_{name(encoder)}" if encoder is not None else metric


def coloured(pictures: Sequence[Any]) -> list[np.ndarray]:
    """Return pictures as 8-bit arrays of shape (height, width, 3), as image processors take them.

    Raises:
        BadEvaluation: A picture is not of 8 bits, and what its numbers mean is not known.
    """
    found = []
    for row, picture in enumerate(pictures):
        array = pixels(picture, row)
        if array.dtype != np.uint8:
            raise BadEvaluation(
                f"The picture of row {row} holds {array.dtype}; an encoder takes pictures of 8 bits: scale "
                "them to 0 to 255 first."
            )
        found.append(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, :3])
    return found


def vectors(
    pictures: Sequence[Any], encoder: Encoder | None, revision: str | None, batch: int, device: str
) -> tuple[FloatArray, str]:
    """Return one vector a picture, shape (pictures, features), and what exactly made them.

    A model that aligns pictures with texts (CLIP and its kin) gives its projected vector, any other the mean
    over places of its last layer. A pooler is never used: many checkpoints have none, and it would be random.
    """
    if encoder is None:
        return _table(pictures, "given features"), "given features"
    if not isinstance(encoder, str):
        return _table(encoder(list(pictures)), name(encoder)), name(encoder)
    loaded = encoders.load("AutoModel", encoder, revision, device)
    parts = [_pooled(loaded.model, batch_) for batch_ in _batches(pictures, loaded, encoder, revision, batch)]
    return np.concatenate(parts), loaded.pin


def layers(
    pictures: Sequence[Any], encoder: Encoder, revision: str | None, batch: int, device: str
) -> Iterator[list[list[FloatArray]]]:
    """Yield, batch by batch, for each picture its layers, each of shape (places, features)."""
    if not isinstance(encoder, str):
        for start in range(0, len(pictures), batch):
            made = encoder(list(pictures[start : start + batch]))
            yield [[_table(layer, name(encoder)) for layer in each] for each in made]
        return
    loaded = encoders.load("AutoModel", encoder, revision, device)
    model = getattr(loaded.model, "vision_model", loaded.model)
    for inputs in _batches(pictures, loaded, encoder, revision, batch):
        hidden = _run(model, inputs, output_hidden_states=True).hidden_states[1:]
        placed = [_places(layer) for layer in hidden]
        yield [[layer[number] for layer in placed] for number in range(len(placed[0]))]


def _table(given: Any, whose: str) -> FloatArray:
    table = np.asarray(given, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all():
        raise BadEvaluation(
            f"The features of {whose} have the shape {table.shape}; they are rows of finite numbers."
        )
    return table


def _batches(
    pictures: Sequence[Any], loaded: encoders.Loaded, encoder: str, revision: str | None, batch: int
) -> Iterator[Any]:
    processor = encoders.processor("AutoImageProcessor", encoder, revision)
    for start in range(0, len(pictures), batch):
        made = processor(images=coloured(pictures[start : start + batch]), return_tensors="pt")
        yield made["pixel_values"].to(loaded.model.device)


def _run(model: Any, inputs: Any, **more: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(pixel_values=inputs, **more)


def _pooled(model: Any, inputs: Any) -> FloatArray:
    import torch

    if hasattr(model, "get_image_features"):
        with torch.inference_mode():
            found = model.get_image_features(pixel_values=inputs)
        found = getattr(found, "pooler_output", found)
        return np.asarray(found.double().cpu().numpy())
    return np.asarray(_places(_run(model, inputs).last_hidden_state).mean(axis=1))


def _places(layer: Any) -> FloatArray:
    """Return a layer as (pictures, places, features), from (…, places, features) or (…, features, h, w)."""
    array = layer.double().cpu().numpy()
    if array.ndim == 4:
        array = array.reshape(*array.shape[:2], -1).transpose(0, 2, 1)
    return np.asarray(array)
