"""What the tests of text task types share: sentences and tiny models."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers


def words_of(demo: Path, place: Path) -> Any:
    """Copy the demo's tokenizer into a model's folder and load it from there."""
    place.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(demo / "models" / "messages-topic-small" / name, place / name)
    return transformers.AutoTokenizer.from_pretrained(place)


def bert(demo: Path, place: Path, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
    """Save a tiny BERT of random weights with a head, wide enough in spread to be sure of things."""
    words = words_of(demo, place)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.5,
        pad_token_id=words.pad_token_id,
        **more,
    )
    model = getattr(transformers, head)(config).eval()
    model.save_pretrained(place)
    return words, model


def llama(demo: Path, place: Path, *, chat: bool = False) -> tuple[Any, Any]:
    """Save a tiny causal model of random weights, with or without a chat template."""
    words = words_of(demo, place)
    words.model_max_length = 512
    words.save_pretrained(place)
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        initializer_range=0.5,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.cls_token_id,
        eos_token_id=words.sep_token_id,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(place)
    if chat:
        words.chat_template = (
            "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} . {% endfor %}"
            "{% if add_generation_prompt %}assistant{% endif %}"
        )
        words.save_pretrained(place)
    return words, model


SENTENCES = [
    "the train from Leeds to York was late again and nobody on the platform knew why",
    "Peter Miller lost his bag in Berlin on Monday and wants it back before Friday",
    "I would like to book two seats to London for the ninth of March please",
    "why was I charged twice for the same ticket on my card in Paris last week",
    "the lift at the station has been out of order since Tuesday and I cannot walk",
]
