"""Images of different sizes in one batch: each size goes through the model by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tasks.inference import loading
from tasks.inference.predictor import Decode, Item

Size = tuple[int, int]
"""The height and width of an image as it was before it was made ready."""


def run(
    network: Any,
    items: Sequence[Item],
    decode: Callable[[Any, Sequence[Size]], list[dict[str, Any]]],
) -> Decode:
    """Run a batch of images, those of different sizes apart, since padding would change what is found.

    Args:
        network: The model.
        items: Each with its tensors by name and its original (width, height) as features.
        decode: Turns the output for images of one size, with their original sizes, into their predictions.
    """
    groups = loading.alike([item.features[0] for item in items], None)
    outputs = [(group, loading.run(network, group.batch)) for group in groups]

    def decoded() -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for group, output in outputs:
            sizes = [items[position].features[1][::-1] for position in group.positions]
            found |= dict(zip(group.positions, decode(output, sizes), strict=True))
        return [found[position] for position in range(len(items))]

    return decoded
