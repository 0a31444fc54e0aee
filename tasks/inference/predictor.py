"""What the engine drives: a loaded model that turns rows into predictions in four steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """How a model is to be loaded and called: settings resolved for one machine.

    Attributes:
        device: A torch device, as cpu or cuda:0.
        dtype: The precision weights and activations have.
        max_tokens: Inputs are cut to this many tokens; None for what the model can take.
        max_new_tokens: Longest generated answer; None for the task type's own.
        language: Language of the speech for multilingual models.
        allow_remote_code: Whether the checkpoint's own code may run.
    """

    device: str
    dtype: Literal["float32", "bfloat16", "float16"]
    max_tokens: int | None = None
    max_new_tokens: int | None = None
    language: str | None = None
    allow_remote_code: bool = False


@dataclass(frozen=True)
class Item:
    """One row made ready for the model.

    Attributes:
        features: What `forward` takes of it.
        cost: What it costs before padding, in the task type's unit (tokens, images, seconds).
    """

    features: Any
    cost: float


class Predictor(Protocol):
    """A loaded model. `prepare` may run on another thread than `forward`."""

    def prepare(self, row: Row) -> Item:
        """Decode, tokenise or resize one row; an exception is a failure of this row alone."""
        ...

    def forward(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Run one batch and return a prediction per item, in order, in the task type's schema."""
        ...
