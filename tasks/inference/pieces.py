"""Pieces: the several inputs that one row may be to a model, as windows over a long text.

The engine's batches are of rows; a row of many pieces would burst one, so pieces are batched once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.inference import loading
from tasks.inference.batches import plan
from tasks.inference.padding import Padding

MOST = 16_384
"""Padded tokens of a batch of pieces at most."""

Piece = Mapping[str, Sequence[int]]


def outputs(
    network: Any,
    padding: Padding,
    pieces: Sequence[Piece],
    keep: Callable[[Any, Mapping[str, Any], Sequence[int]], Any] = lambda output, batch, numbers: output,
    most: float = MOST,
) -> list[tuple[list[int], Any]]:
    """Call a model on pieces, those of similar length together.

    Args:
        network: The torch module.
        padding: How pieces are padded.
        pieces: Tokens by input name.
        keep: Given what the model returned of a batch, the batch, and the numbers of its pieces, returns what
            is kept of it.
        most: Padded tokens of a batch at most.

    Returns:
        For each batch the numbers of its pieces, in order, and what was kept.
    """
    lengths = [float(len(piece["input_ids"])) for piece in pieces]
    found = []
    for numbers in plan(lengths, most):
        batch = padding.batch([pieces[number] for number in numbers])
        found.append((numbers, keep(loading.run(network, batch), batch, numbers)))
    return found


def gathered(batches: Sequence[tuple[list[int], Any]]) -> list[Any]:
    """Return what was computed for each piece, in the order of the pieces.

    Args:
        batches: Numbers of pieces, and for each batch an array with a first axis as long.

    >>> gathered([([1, 0], ["b", "a"]), ([2], ["c"])])
    ['a', 'b', 'c']
    """
    found = {
        number: each for numbers, values in batches for number, each in zip(numbers, values, strict=True)
    }
    return [found[number] for number in sorted(found)]
