"""Attention on a CPU: the way of computing it that is fastest for the precision and the lengths at hand.

torch's fused kernel is the best for long float32 rows. Plain matrix products are up to twice as fast in
bfloat16, which the fused kernel does not feed to the processor's bfloat16 units, and for short rows. Where
one token looks at what was read before, heads that share keys are laid side by side instead of copying keys.
"""

from __future__ import annotations

from typing import Any

NAME = "assay_cpu"
"""What the implementation is called in a model's config."""

SHORT, LONG = 48, 1024
"""Rows up to SHORT tokens are multiplied plainly in any precision; beyond LONG, scores are too large."""


def register() -> str:
    """Make the implementation known to transformers, and return its name."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[Any, None]:
    """Attend, as transformers' own implementations do.

    Args:
        module: The attention layer; `is_causal` says whether a token sees only those before it.
        query: Shape (rows, heads, tokens, width).
        key: Shape (rows, key heads, tokens read, width).
        value: As `key`.
        attention_mask: True where a token may look, shape (rows, 1, tokens, tokens read); None for anywhere,
            or anywhere before where the layer is causal.
        scaling: Of the products; 1 / sqrt(width) left out.
        dropout: Not used in evaluation.
        **more: Passed on to transformers' implementation.

    Returns:
        Shape (rows, tokens, heads, width), and no weights.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    tokens, read = query.shape[2], key.shape[2]
    # T5's kind adds what it knows of distances to the scores.
    biased = more.get("position_bias") is not None
    if tokens == 1 and not biased and (attention_mask is None or attention_mask.dtype == torch.bool):
        return _one_token(query, key, value, attention_mask, scaling), None
    alike = query.shape[1] == key.shape[1] and query.shape[-1] == value.shape[-1]
    both_ways = not getattr(module, "is_causal", True) and not more.get("is_causal")
    plain = attention_mask is None or attention_mask.dtype == torch.bool
    quick = query.dtype == torch.bfloat16 or read <= SHORT
    if alike and both_ways and plain and quick and read <= LONG and not biased:
        return _by_products(query, key, value, attention_mask, scaling), None
    found, _ = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
    )
    return found, None


def _by_products(query: Any, key: Any, value: Any, mask: Any, scaling: float | None) -> Any:
    """Attend by two batched matrix products with a softmax between them."""
    import torch

    rows, heads, tokens, width = query.shape
    read = key.shape[2]
    scale = width**-0.5 if scaling is None else scaling
    queries = query.reshape(rows * heads, tokens, width)
    keys = key.reshape(rows * heads, read, width)
    values = value.reshape(rows * heads, read, width)
    if mask is None:
        scores = torch.bmm(queries, keys.transpose(1, 2)).mul_(scale)
    else:
        barred = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, torch.finfo(query.dtype).min)
        barred = barred.expand(rows, heads, tokens, read).reshape(rows * heads, tokens, read)
        scores = torch.baddbmm(barred, queries, keys.transpose(1, 2), alpha=scale)
    found = torch.bmm(scores.softmax(-1), values)
    return found.view(rows, heads, tokens, width).transpose(1, 2).contiguous()


def _one_token(query: Any, key: Any, value: Any, mask: Any, scaling: float | None) -> Any:
    """Attend from one token a row: the heads that share keys become tokens of one head."""
    import torch

    rows, heads, _, width = query.shape
    shared = key.shape[1]
    folded = query.reshape(rows, shared, heads // shared, width)
    found = torch.nn.functional.scaled_dot_product_attention(
        folded, key, value, attn_mask=mask, scale=scaling
    )
    return found.reshape(rows, 1, heads, value.shape[-1])
