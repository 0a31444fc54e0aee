"""Text reading: how likely a causal language model finds whole texts, for its perplexity on them.

Texts longer than the model takes are read in windows that overlap; of each only the tokens that the one
before has not judged count, so that every token is judged once, with as much before it as fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks.inference import loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row

if TYPE_CHECKING:
    import torch

MOST = 1024
"""Tokens of a batch at most: each has a probability for every token of the vocabulary."""
LONGEST = 1024
"""Tokens of a window where the model states no limit."""


class TextReader:
    """A causal language model with its tokenizer.

    Args:
        column: The input column that holds texts.
    """

    def __init__(self, checkpoint: Checkpoint, options: Options, column: str) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModelForCausalLM", checkpoint, options)
        self._column = column
        limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._window = LONGEST if limit == loading.ENDLESS else limit
        self._overlap = min(
            self._window // 2 if options.overlap is None else options.overlap, self._window - 1
        )
        self._padding = replace(Padding.of(self._tokenizer), left=False)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise texts and cut them into windows; a row costs the tokens of them all."""
        items = []
        for row in rows:
            ids = list(self._tokenizer(row[self._column], verbose=False)["input_ids"])
            parts = windows(len(ids), self._window, self._overlap) if ids else []
            inputs = [
                {"input_ids": ids[start:stop], "attention_mask": [1] * (stop - start)}
                for start, stop, _ in parts
            ]
            skipped = [first for _, _, first in parts]
            items.append(Item((inputs, skipped), cost=float(sum(stop - start for start, stop, _ in parts))))
        return items

    def forward(self, items: Sequence[Item]) -> Decode:
        """Read the texts of a batch of rows."""
        inputs = [window for item in items for window in item.features[0]]
        skipped = [first for item in items for first in item.features[1]]

        def judge(output: Any, batch: Mapping[str, Any], numbers: Sequence[int]) -> list[tuple[float, int]]:
            return totals(output.logits, batch, [skipped[number] for number in numbers])

        found = pieces.gathered(pieces.outputs(self.network, self._padding, inputs, judge, MOST))

        def decode() -> list[dict[str, Any]]:
            decoded, place = [], 0
            for item in items:
                own = found[place : place + len(item.features[0])]
                place += len(own)
                decoded.append(
                    {
                        "log_likelihood": sum(total for total, _ in own),
                        "tokens": sum(count for _, count in own),
                        "prompt_tokens": sum(count for _, count in own),
                        "truncated": False,
                        "finished": True,
                    }
                )
            return decoded

        return decode


def windows(length: int, window: int, overlap: int) -> list[tuple[int, int, int]]:
    """Return windows over a text: where each begins and ends, and how many of its tokens are judged already.

    The first token of a text has nothing before it, and is not judged.

    >>> windows(10, 6, 3)
    [(0, 6, 1), (3, 9, 3), (6, 10, 3)]
    """
    found, start, judged = [], 0, 1
    while True:
        stop = min(start + window, length)
        found.append((start, stop, judged - start))
        judged = stop
        if stop == length:
            return found
        start = stop - overlap


def totals(
    logits: torch.Tensor, batch: Mapping[str, torch.Tensor], skipped: Sequence[int]
) -> list[tuple[float, int]]:
    """Return the log-likelihood of the tokens that count, and how many they are, window by window.

    Args:
        logits: Shape (windows, length, vocabulary).
        batch: Ids and which of them are real, each of shape (windows, length).
        skipped: How many first tokens of each window do not count.
    """
    import torch

    ids, real = batch["input_ids"].to(logits.device), batch["attention_mask"].to(logits.device)
    logs = logits[:, :-1].float().log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0].double()
    places = torch.arange(1, ids.shape[1], device=ids.device)
    counts = real[:, 1:].bool() & (places >= torch.tensor(list(skipped), device=ids.device)[:, None])
    sums = torch.where(counts, logs, 0.0).sum(1)
    return list(zip(sums.tolist(), counts.sum(1).tolist(), strict=True))
