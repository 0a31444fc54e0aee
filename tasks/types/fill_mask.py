"""Fill-mask: the word that was masked, or how likely a masked model finds every token of a text.

Of a text with one mask the likeliest tokens are kept, to be judged against the word that is missing. Of a
text without one every token is masked in turn, which gives the pseudo-log-likelihood of the text.

Source: Devlin et al. (2019), BERT; Salazar et al. (2020), Masked Language Model Scoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.errors import BadEvaluation
from tasks.inference import loading, pieces
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.padding import Padding
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.nesting import read

if TYPE_CHECKING:
    import datasets
    import torch

MARKS = ("[MASK]", "<mask>")
"""What masks are written as in datasets; each stands for the model's own."""
KEPT = 100
"""Tokens kept of a mask."""

Filling = tuple[list[int], list[float], float]
"""Of one mask the likeliest tokens, their probabilities, and the log-probability of the token it hides."""

TEXT = Column(
    name="text",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("masked_sentence", "masked_text", "masked_sentences", "sentence", "prompt", "input"),
    help="the text, with one [MASK] or <mask> where a word is missing",
)
ANSWER = Column(
    name="answer",
    role="reference",
    accepts=frozenset({"text", "words"}),
    typical="text",
    aliases=("obj_label", "target", "label", "masked_word", "word"),
    help="the missing word, or several right ones; left out, texts are scored as wholes",
    required=False,
)
PREDICTION = pa.schema(
    [
        pa.field("words", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float32())),
        pa.field("log_likelihood", pa.float64()),
        pa.field("tokens", pa.int32()),
        pa.field("truncated", pa.bool_()),
    ]
)


class Filler:
    """A masked language model with its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._tokenizer = loading.tokenizer(checkpoint, options)
        if self._tokenizer.mask_token_id is None:
            raise BadEvaluation(f"The tokenizer of '{checkpoint.name}' has no mask.")
        self.network = loading.model("AutoModelForMaskedLM", checkpoint, options)
        self._limit = loading.longest_input(self._tokenizer, self.network.config, options)
        self._padding = Padding.of(self._tokenizer)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise texts; one without a mask costs all its tokens as often as it has any."""
        return [self._prepared(row["text"]) for row in rows]

    def _prepared(self, text: str) -> Item:
        mark = self._tokenizer.mask_token_id
        for written in MARKS:
            text = text.replace(written, self._tokenizer.mask_token)
        whole = self._tokenizer(text, verbose=False)["input_ids"]
        encoded = self._tokenizer(
            text,
            truncation=True,
            max_length=self._limit,
            return_special_tokens_mask=True,
            verbose=False,
        )
        special = encoded.pop("special_tokens_mask")
        inputs = {name: list(encoded[name]) for name in encoded}
        ids = inputs["input_ids"]
        masked = [place for place, token in enumerate(ids) if token == mark]
        if whole.count(mark) > 1:
            raise ValueError(f"the text has {whole.count(mark)} masks, and one is filled")
        if whole.count(mark) > len(masked):
            raise ValueError(f"the mask lies beyond the {self._limit} tokens that the model takes")
        places = masked or [place for place, each in enumerate(special) if not each]
        copies = [{**inputs, "input_ids": [*ids[:place], mark, *ids[place + 1 :]]} for place in places]
        aims = [ids[place] for place in places]
        return Item(
            (copies, aims, bool(masked), len(whole) > len(ids)),
            cost=float(max(1, len(copies)) * len(ids)),
        )

    def forward(self, items: Sequence[Item]) -> Decode:
        """Fill every mask of a batch of rows."""
        copies = [copy for item in items for copy in item.features[0]]
        aims = [aim for item in items for aim in item.features[1]]

        def fill(output: Any, batch: Mapping[str, Any], numbers: Sequence[int]) -> list[Filling]:
            return self._fillings(output.logits, batch["input_ids"], [aims[number] for number in numbers])

        found = pieces.gathered(pieces.outputs(self.network, self._padding, copies, fill))

        def decode() -> list[dict[str, Any]]:
            decoded, place = [], 0
            for item in items:
                stop = place + len(item.features[0])
                decoded.append(self._decode(item, found[place:stop]))
                place = stop
            return decoded

        return decode

    def _fillings(self, logits: torch.Tensor, ids: torch.Tensor, aims: Sequence[int]) -> list[Filling]:
        """Return what is said of the mask of every row of a batch."""
        import torch

        there = ids.to(logits.device) == self._tokenizer.mask_token_id
        rows = torch.arange(len(ids), device=logits.device)
        logs = logits[rows, there.int().argmax(-1)].float().log_softmax(-1)
        best = logs.topk(min(KEPT, logs.shape[-1]), dim=-1)
        right = logs[rows, torch.tensor(list(aims), device=logits.device)]
        return list(zip(best.indices.tolist(), best.values.exp().tolist(), right.tolist(), strict=True))

    def _decode(self, item: Item, found: Sequence[Filling]) -> dict[str, Any]:
        _, _, filled, truncated = item.features
        if filled:
            tokens, scores, _ = found[0]
            words = [self._tokenizer.decode([token]).strip() for token in tokens]
            return {"words": words, "scores": scores, "truncated": truncated}
        total = sum(right for _, _, right in found)
        return {"log_likelihood": total, "tokens": len(found), "truncated": truncated}


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See that texts have masks where words are to be judged, and none where texts are scored as wholes.

    Raises:
        BadEvaluation: Some have and some have not.
    """
    texts = read(rows, columns[TEXT.name])
    masked = sum(any(mark in text for mark in MARKS) for text in texts)
    wanted = len(texts) if ANSWER.name in columns else 0
    if masked != wanted:
        raise BadEvaluation(
            f"{masked} of {len(texts)} texts have a mask ({' or '.join(MARKS)}): with the column "
            f"{ANSWER.name} all must have one, without it none."
        )
    return Alignment()


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is judged: words, where it is known which are missing, else whole texts."""
    return ("texts", "rankings") if ANSWER.name in columns else ("likelihoods",)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the words found, likeliest first, with those that are right; or texts' likelihoods."""
    if ANSWER.name not in references:
        pairs = zip(predictions["log_likelihood"], predictions["tokens"], strict=True)
        given = [{"log_likelihood": total, "tokens": tokens} for total, tokens in pairs]
        return {"likelihoods": Judged(given, [None] * len(given))}
    right = [[each.strip() for each in right_words(row)] for row in references[ANSWER.name]]
    found = [list(dict.fromkeys(words)) for words in predictions["words"]]
    return {
        "texts": Judged([words[0] for words in found], right),
        "rankings": Judged(found, right),
    }


def right_words(answer: str | Sequence[str]) -> list[str]:
    """Return the words that are right for a mask.

    >>> right_words("paris"), right_words(["paris", "london"])
    (['paris'], ['paris', 'london'])
    """
    return [answer] if isinstance(answer, str) else list(answer)


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the text with the right word and the five likeliest, or with its perplexity."""
    if row.get(ANSWER.name) is None:
        tokens = max(int(prediction["tokens"]), 1)
        perplexity = float(np.exp(-float(prediction["log_likelihood"]) / tokens))
        return {"text": row["text"], "perplexity": round(perplexity, 3), "tokens": prediction["tokens"]}
    right = right_words(row[ANSWER.name])
    return {
        "text": row["text"],
        "reference": " | ".join(right),
        "prediction": prediction["words"][0],
        "likeliest": ", ".join(prediction["words"][:5]),
        "right": prediction["words"][0] in right,
    }


FILL_MASK = TaskType(
    name="fill-mask",
    version=1,
    summary="The word that is missing from a text, or how likely a masked model finds whole texts.",
    columns=(TEXT, ANSWER),
    prediction=PREDICTION,
    metrics=(("exact_match", {}), ("hit_rate", {"k": 5}), ("mrr", {}), ("model_perplexity", {})),
    batch_cost=4096,
    cost_unit="tokens",
    preprocessing=("max_tokens",),
    align=align,
    open=Filler,
    evidence=evidence,
    judged_by=("texts", "rankings", "likelihoods"),
    sample=sample,
    gives=gives,
    answers={"rankings": "words", "likelihoods": "log_likelihood"},
)
