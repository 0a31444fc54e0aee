"""Reading with a decoder: tokens go in, a cache remembers them, logits of what may follow come out.

Rows of different length stand side by side, padded on the left; every row keeps its own positions and mask,
so that what stands beside it changes nothing. Rows can be dropped from a reading, or repeated in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

SLACK = 64
"""Tokens by which a cache grows, so that it is copied once in so many steps and not at every one."""


@dataclass
class Reading:
    """Where a decoder is in its rows.

    Attributes:
        cache: The keys and values of what was read.
        mask: Which cached tokens are real, shape (rows, cached).
        position: The position of each row's next token, shape (rows,).
    """

    cache: Any
    mask: torch.Tensor
    position: torch.Tensor

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows, by number, in that order; a number that comes several times repeats its row."""
        self.cache.batch_select_indices(rows)
        self.mask, self.position = self.mask[rows], self.position[rows]


class Decoder:
    """A causal language model, read step by step.

    Args:
        network: The torch module, of the kind `AutoModelForCausalLM` loads.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self._takes = set(inspect.signature(network.forward).parameters)

    @cached_property
    def slides(self) -> bool:
        """Whether it attends to a window of places, padding among them, so that rows must have no gaps."""
        return any(getattr(layer, "is_sliding", False) for layer in _cache(self.network.config).layers)

    def begin(self, rows: int) -> Reading:
        """Return a reading of rows that have no tokens yet."""
        import torch

        device = self.network.device
        return Reading(
            _cache(self.network.config),
            torch.zeros(rows, 0, dtype=torch.long, device=device),
            torch.zeros(rows, dtype=torch.long, device=device),
        )

    def read(self, reading: Reading, ids: torch.Tensor, real: torch.Tensor, keep: int = 1) -> torch.Tensor:
        """Read more tokens of every row.

        Args:
            reading: Where the rows are; moved on.
            ids: Tokens, shape (rows, length).
            real: Which of them are no padding (1 or 0), shape (rows, length).
            keep: Return logits of this many last tokens; 0 for all.

        Returns:
            Logits, shape (rows, kept, vocabulary), in float32.
        """
        import torch

        with torch.inference_mode():
            reading.mask = torch.cat([reading.mask, real], dim=1)
            positions = (reading.position[:, None] + real.cumsum(1) - 1).clamp(min=0)
            reading.position = reading.position + real.sum(1)
            more: dict[str, Any] = {}
            if "position_ids" in self._takes:
                more["position_ids"] = positions
            if "logits_to_keep" in self._takes:
                more["logits_to_keep"] = keep
            found = self.network(
                input_ids=ids,
                attention_mask=reading.mask,
                past_key_values=reading.cache,
                use_cache=True,
                **more,
            ).logits
            kept: torch.Tensor = found[:, -keep:] if keep else found
            return kept.float()


def left_padded(rows: Sequence[Sequence[int]], device: Any, filler: int) -> tuple[Any, Any]:
    """Return ids and which of them are real, both of shape (rows, longest).

    >>> ids, real = left_padded([[5, 6], [7]], "cpu", 0)
    >>> ids.tolist(), real.tolist()
    ([[5, 6], [0, 7]], [[1, 1], [0, 1]])
    """
    import torch

    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), filler, dtype=np.int64)
    real = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, longest - len(row) :] = row
        real[number, longest - len(row) :] = 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(real).to(device)


def _cache(config: Any) -> Any:
    """Return transformers' cache for a model, its plain layers replaced by ones that grow in place."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    found = DynamicCache(config=config)
    growing = _growing_layer()
    found.layers = [growing() if type(layer) is DynamicLayer else layer for layer in found.layers]
    return found


@cache
def _growing_layer() -> Any:
    """Return the class of layers that grow in place, made when transformers is first needed."""
    from transformers.cache_utils import DynamicLayer

    # transformers is not checked for types, so its classes are of any type here.
    class GrowingLayer(DynamicLayer):  # type: ignore[misc]
        """Keys and values in buffers with room to spare, so that a step copies its own tokens only."""

        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            """Append, and return all there is."""
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
                self.room = [key_states[..., :0, :], value_states[..., :0, :]]
            before = self.get_seq_length()
            after = before + key_states.shape[-2]
            held = []
            for side, states in enumerate((key_states, value_states)):
                if self.room[side].shape[-2] < after:
                    rows, heads, _, width = states.shape
                    larger = states.new_empty(rows, heads, after + SLACK, width)
                    larger[..., :before, :] = self.room[side][..., :before, :]
                    self.room[side] = larger
                self.room[side][..., before:after, :] = states
                held.append(self.room[side][..., :after, :])
            self.keys, self.values = held
            return self.keys, self.values

        def batch_select_indices(self, indices: Any) -> None:
            """Keep some rows."""
            if self.get_seq_length() > 0:
                length = self.get_seq_length()
                self.room = [side.index_select(0, indices) for side in self.room]
                self.keys, self.values = (side[..., :length, :] for side in self.room)

    return GrowingLayer
