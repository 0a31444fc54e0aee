"""Padding: rows of different length made one rectangular batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Padding:
    """What stands where a row has ended.

    Attributes:
        values: The value by input name; 0 for names that are not there.
        left: Whether rows are padded on the left, as decoders need it.
    """

    values: Mapping[str, int]
    left: bool = False

    @classmethod
    def of(cls, tokenizer: Any) -> Padding:
        """Return the padding that a tokenizer states."""
        values = {
            "input_ids": tokenizer.pad_token_id or 0,
            "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0) or 0,
        }
        return cls(values, tokenizer.padding_side == "left")

    def batch(self, rows: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, torch.Tensor]:
        """Return tensors of shape (rows, longest) by input name.

        >>> Padding({"input_ids": 9}).batch([{"input_ids": [1, 2]}, {"input_ids": [3]}])["input_ids"].tolist()
        [[1, 2], [3, 9]]
        """
        import torch

        batch = {}
        for name in rows[0]:
            lengths = [len(row[name]) for row in rows]
            filled = np.full((len(rows), max(lengths)), self.values.get(name, 0), dtype=np.int64)
            for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
                if self.left:
                    filled[number, filled.shape[1] - length :] = row[name]
                else:
                    filled[number, :length] = row[name]
            batch[name] = torch.from_numpy(filled)
        return batch
