"""BERTScore: how well the words of two texts match in meaning, by a language model's view of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import encoders
from tasks.metrics.contract import Measurement
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums

if TYPE_CHECKING:
    import torch

_LAYERS = {
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "bert-base-multilingual-cased": 9,
    "bert-base-chinese": 8,
    "roberta-base": 10,
    "roberta-large": 17,
    "distilbert-base-uncased": 5,
    "xlm-roberta-base": 9,
    "xlm-roberta-large": 17,
    "deberta-xlarge-mnli": 40,
}
"""The layer that agrees best with people, as published with the reference implementation."""


def bertscore(
    predictions: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    encoder: str,
    layer: int | None = None,
    idf: bool = False,
    revision: str | None = None,
    batch_size: int = 64,
    device: str = "auto",
) -> Measurement:
    """Similarity of tokens to the most similar ones of the other text, the mean over rows, about 0 to 1.

    Keys: `bertscore_f1`, `bertscore_precision` (of predicted tokens), `bertscore_recall` (of right ones);
    model, layer and weighting are in the tags, and scores of different ones do not compare.

    Args:
        predictions: Texts.
        references: Texts, or several for each row, of which the best counts, for each score by itself.
        encoder: A language model: a folder or a Hub id, as roberta-large.
        layer: Which hidden layer is compared, 0 for the input embeddings; left out, the one published for a
            well-known model, else the last.
        idf: Weight tokens by their rarity among the references.
        revision: A branch, tag or commit of a Hub model.
        batch_size: Texts encoded together.
        device: auto, cpu, cuda, cuda:1 or mps.

    A text without a token scores 0. Similarities are cosines in single precision; the tokens that the
    tokenizer adds may be matched and do not count. Source: Zhang et al. (2020). Reference implementation:
    bert_score, without its rescaling. Trap: texts are cut to what the model takes; the tags say how many.
    """
    check_lengths(predictions, references)
    several = [[each] if isinstance(each, str) else list(each) for each in references]
    if not all(isinstance(text, str) for row in (predictions, *several) for text in row) or not all(several):
        raise BadEvaluation(
            "BERTScore compares texts: a prediction is a text, a reference one text or several."
        )
    pairs = [(said, right) for said, row in zip(predictions, several, strict=True) for right in row]
    row_of = np.repeat(np.arange(len(several)), [len(row) for row in several])
    reader = _Reader(encoder, layer, revision, batch_size, device)
    weights = _rarity(reader, [text for row in several for text in row]) if idf else None
    found = reader.compare(pairs, weights)
    best = np.full((len(several), 3), -np.inf)
    np.maximum.at(best, row_of, found)
    keys = ("bertscore_f1", "bertscore_precision", "bertscore_recall")

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {key: totals[..., place] / totals[..., 3] for place, key in enumerate(keys)}

    made = f"{reader.loaded.pin} layer {reader.layer}{' idf' if idf else ''}, {reader.cut} texts cut"
    columns = np.concatenate([best, np.ones((len(best), 1))], axis=1)
    return Measurement(Sums(columns), score, dict.fromkeys(keys, True), tags={"bertscore": made})


def _rarity(reader: _Reader, texts: Sequence[str]) -> dict[int, float]:
    """Return the weight of each token: the logarithm of texts over texts that have it, both one higher."""
    seen = Counter(token for text in texts for token in set(reader.tokens(text)))
    weights = {token: math.log((len(texts) + 1) / (count + 1)) for token, count in seen.items()}
    weights[_UNSEEN] = math.log(len(texts) + 1)
    return weights


_UNSEEN = -1


class _Reader:
    """A language model with its tokenizer, comparing texts."""

    def __init__(
        self, encoder: str, layer: int | None, revision: str | None, batch_size: int, device: str
    ) -> None:
        self.loaded = encoders.load("AutoModel", encoder, revision, device)
        self.cut = 0
        model = self.loaded.model
        self._model = model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model
        self._tokenizer = encoders.processor("AutoTokenizer", encoder, revision)
        self._batch = batch_size
        self._longest = encoders.longest_input(self._tokenizer, model.config)
        layers = int(model.config.num_hidden_layers)
        self.layer = _LAYERS.get(encoders.short_name(encoder), layers) if layer is None else layer
        if not 0 <= self.layer <= layers:
            raise BadEvaluation(f"The model '{encoder}' has the layers 0 to {layers}, and no layer {layer}.")
        self._read: dict[str, list[int]] = {}

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text with those the tokenizer adds, cut to what the model takes."""
        if text not in self._read:
            every = self._tokenizer(text.strip(), truncation=False, verbose=False)["input_ids"]
            if len(every) > self._longest:
                self.cut += 1
                every = self._tokenizer(text.strip(), truncation=True, max_length=self._longest)["input_ids"]
            self._read[text] = every
        return self._read[text]

    def compare(self, pairs: Sequence[tuple[str, str]], weights: Mapping[int, float] | None) -> FloatArray:
        """Return F1, precision and recall of each pair, shape (pairs, 3)."""
        import torch

        found = np.zeros((len(pairs), 3))
        longest = [max(len(self.tokens(one)), len(self.tokens(other))) for one, other in pairs]
        order = sorted(range(len(pairs)), key=lambda number: longest[number])
        for start in range(0, len(order), self._batch):
            chunk = order[start : start + self._batch]
            texts = sorted({text for number in chunk for text in pairs[number]}, key=self._length)
            place = {text: number for number, text in enumerate(texts)}
            vectors, weight = self._vectors(texts, weights)
            one = torch.tensor([place[pairs[number][0]] for number in chunk])
            other = torch.tensor([place[pairs[number][1]] for number in chunk])
            near = vectors[one] @ vectors[other].transpose(1, 2)
            precision = _weighted(
                near.masked_fill(weight[other].isnan()[:, None, :], -2).amax(2), weight[one]
            )
            recall = _weighted(near.masked_fill(weight[one].isnan()[:, :, None], -2).amax(1), weight[other])
            # A text of nothing but added tokens has no weight at all: it matches nothing.
            neither = precision.isnan() | recall.isnan()
            precision, recall = precision.masked_fill(neither, 0), recall.masked_fill(neither, 0)
            both = precision + recall
            f1 = torch.where(both == 0, 0.0, 2 * precision * recall / both.masked_fill(both == 0, 1))
            found[chunk] = torch.stack([f1, precision, recall], dim=1).double().cpu().numpy()
        return found

    def _length(self, text: str) -> int:
        return len(self.tokens(text))

    def _vectors(
        self, texts: Sequence[str], weights: Mapping[int, float] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return unit vectors (texts, tokens, features) and weights (texts, tokens), NaN beyond an end."""
        import torch

        longest = max(1, self._length(texts[-1]))
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.full((len(texts), longest), padding)
        there = torch.zeros((len(texts), longest), dtype=torch.long)
        weight = torch.full((len(texts), longest), float("nan"), dtype=torch.float64)
        added = set(self._tokenizer.all_special_ids) - {self._tokenizer.unk_token_id}
        for row, text in enumerate(texts):
            tokens = self.tokens(text)
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            there[row, : max(1, len(tokens))] = 1
            weight[row, : len(tokens)] = torch.tensor(
                [
                    0.0
                    if token in added
                    else 1.0
                    if weights is None
                    else weights.get(token, weights[_UNSEEN])
                    for token in tokens
                ],
                dtype=torch.float64,
            )
        device = self._model.device
        parts = []
        with torch.inference_mode():
            for start in range(0, len(texts), self._batch):
                some = slice(start, start + self._batch)
                answer = self._model(
                    input_ids=ids[some].to(device),
                    attention_mask=there[some].to(device),
                    output_hidden_states=True,
                )
                parts.append(answer.hidden_states[self.layer].float().cpu())
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1), weight


def _weighted(values: Any, weight: Any) -> Any:
    """Return the weighted mean over tokens; NaN where nothing has a weight."""
    weight = weight.nan_to_num(0.0)
    return (values.double() * weight).sum(1) / weight.sum(1)
