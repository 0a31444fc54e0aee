"""CLIP score: how well pictures fit their prompts, by a model that aligns pictures with texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics import encoders, visual_features
from tasks.metrics.contract import Measurement
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Sums


def clip_score(
    predictions: Sequence[Any],
    references: Sequence[str],
    encoder: str,
    revision: str | None = None,
    batch_size: int = 32,
    device: str = "auto",
) -> Measurement:
    """A hundred times the mean cosine of pictures' and prompts' features, 0 to 100.

    Keys: `clip_score_<encoder>`, 100 · cosine, the mean over rows and at least 0, as in torchmetrics; and
    `clip_score_hessel_<encoder>`, the mean of 2.5 · max(cosine, 0), the paper's, 0 to 2.5. Higher is better;
    scores of different encoders do not compare.

    Args:
        predictions: Pictures of 8 bits.
        references: Their prompts or captions.
        encoder: Aligns pictures with texts, as openai/clip-vit-large-patch14; a folder or Hub id.
        revision: A branch, tag or commit of a Hub model.
        batch_size: Pictures encoded together.
        device: auto, cpu, cuda, cuda:1 or mps.

    Source: Hessel et al. (2021). Trap: prompts are cut to what the model takes (77 tokens for CLIP); the tags
    say how many were.
    """
    check_lengths(predictions, references)
    if not all(isinstance(text, str) for text in references):
        raise BadEvaluation("A CLIP score needs a prompt for each picture, and one is no text.")
    loaded = encoders.load("AutoModel", encoder, revision, device)
    if not hasattr(loaded.model, "get_text_features"):
        raise BadEvaluation(
            f"The model '{encoder}' ({loaded.model.config.model_type}) does not align pictures "
            "with texts, as CLIP and SigLIP do."
        )
    seen, made = visual_features.vectors(predictions, encoder, revision, batch_size, device)
    read, cut = _texts(loaded.model, references, encoder, revision, batch_size)
    cosine = (seen * read).sum(axis=1) / (np.linalg.norm(seen, axis=1) * np.linalg.norm(read, axis=1))
    columns = np.stack([cosine, np.maximum(cosine, 0), np.ones(len(cosine))], axis=1)
    percent = visual_features.key("clip_score", encoder)
    paper = visual_features.key("clip_score_hessel", encoder)

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {
            percent: np.maximum(100 * totals[..., 0] / totals[..., 2], 0),
            paper: 2.5 * totals[..., 1] / totals[..., 2],
        }

    return Measurement(
        Sums(columns), score, {percent: True, paper: True}, tags={percent: f"{made}, {cut} prompts cut"}
    )


def _texts(
    model: Any, texts: Sequence[str], encoder: str, revision: str | None, batch: int
) -> tuple[FloatArray, int]:
    """Return one vector a text, and how many texts were cut."""
    import torch

    tokenizer = encoders.processor("AutoTokenizer", encoder, revision)
    config = getattr(model.config, "text_config", model.config)
    longest = encoders.longest_input(tokenizer, config)
    cut = sum(len(tokenizer(text, verbose=False)["input_ids"]) > longest for text in texts)
    # SigLIP was trained on texts padded to one length with the padding seen, and sees another text without.
    padded = model.config.model_type.startswith("siglip")
    taken = ("input_ids",) if padded else ("input_ids", "attention_mask")
    parts = []
    for start in range(0, len(texts), batch):
        some = list(texts[start : start + batch])
        made = tokenizer(
            some,
            padding="max_length" if padded else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        made = {name: made[name].to(model.device) for name in taken if name in made}
        with torch.inference_mode():
            found = model.get_text_features(**made)
        parts.append(getattr(found, "pooler_output", found).double().cpu().numpy())
    return np.concatenate(parts), cut
