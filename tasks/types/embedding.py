"""Embedding: texts made vectors by a sentence encoder, and vectors compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.inference import loading, pieces, sentence_modules
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Options
from tasks.types.contract import Alignment

if TYPE_CHECKING:
    import datasets
    import torch


class Encoder:
    """A text encoder with its tokenizer, pooled as its checkpoint says."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.sentence = sentence_modules.of(checkpoint)
        self._tokenizer = loading.tokenizer(checkpoint, options)
        self.network = loading.model("AutoModel", checkpoint, options)
        if getattr(self.network.config, "is_encoder_decoder", False):
            self.network = self.network.get_encoder()
        self._dense = [
            sentence_modules.dense(checkpoint, folder, options.device) for folder in self.sentence.dense
        ]
        limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._limit = min(limit, self.sentence.longest or limit) if options.max_tokens is None else limit
        self._padding = Padding.of(self._tokenizer)

    def tokens(self, texts: Sequence[str], prompt: str = "") -> list[dict[str, list[int]]]:
        """Tokenise texts behind a prompt, cut to what the model takes."""
        ready = [prompt + (text.lower() if self.sentence.lower else text).strip() for text in texts]
        if not ready:
            return []
        encoded = self._tokenizer(ready, truncation=True, max_length=self._limit, verbose=False)
        names = [name for name in encoded if name in self._tokenizer.model_input_names]
        return [{name: encoded[name][number] for name in names} for number in range(len(ready))]

    def vectors(self, texts: Sequence[Mapping[str, Sequence[int]]]) -> torch.Tensor:
        """Return the vectors of tokenised texts, shape (texts, width), in float32 on the host."""
        import torch

        def vector(output: Any, batch: Mapping[str, Any], numbers: Sequence[int]) -> torch.Tensor:
            tokens = output.last_hidden_state.float()
            mask = batch["attention_mask"].to(tokens.device)
            found = sentence_modules.pooled(tokens, mask, self.sentence.pooling)
            for layer in self._dense:
                found = layer(found)
            normal = torch.nn.functional.normalize(found, dim=-1) if self.sentence.normalized else found
            return normal.cpu()

        with torch.inference_mode():
            return torch.stack(pieces.gathered(pieces.outputs(self.network, self._padding, texts, vector)))

    def likeness(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Compare vectors as the model says, row by row: shapes (rows, width) or what broadcasts to it."""
        import torch

        if self.sentence.similarity == "dot":
            return (one * other).sum(-1)
        return torch.nn.functional.cosine_similarity(one, other, dim=-1)


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Say where a checkpoint states no pooling, so that the mean of its tokens is taken.

    Raises:
        BadEvaluation: It has modules that are not understood.
    """
    if sentence_modules.of(checkpoint).stated:
        return Alignment()
    return Alignment(
        notes=(f"The model '{checkpoint.name}' states no pooling: the mean of its token vectors is taken.",)
    )
