"""Tiny models that tests of metrics build for themselves, with random weights."""

from __future__ import annotations

from pathlib import Path

WORDS = [
    *"abcdefghijklmnopqrstuvwxyz",
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "дом",
    "猫",
    "##s",
    "!",
    "?",
    ".",
]


def tokenizer(folder: Path, *, start: bool = False, longest: int = 64) -> None:
    """Save a tokenizer of words into a folder."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made = Tokenizer(
        models.WordPiece({word: n for n, word in enumerate([*special, *WORDS])}, unk_token="[UNK]")
    )
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if not start:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    named = (
        {"bos_token": "[CLS]", "eos_token": "[SEP]"}
        if start
        else {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", model_max_length=longest, **named
    ).save_pretrained(folder)


def bert(folder: Path) -> str:
    """Save a text encoder of three layers and return its folder."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=42,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        initializer_range=0.6,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer(folder)
    return str(folder)


def gpt(folder: Path) -> str:
    """Save a causal language model of two layers and return its folder."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=42,
        n_positions=16,
        n_embd=16,
        n_layer=2,
        n_head=2,
        initializer_range=0.4,
        bos_token_id=2,
        eos_token_id=3,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer(folder, start=True, longest=16)
    return str(folder)


def vit(folder: Path) -> str:
    """Save an image encoder without a pooler and return its folder."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(2)
    config = ViTConfig(
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        initializer_range=0.4,
    )
    ViTForImageClassification(config).save_pretrained(folder)
    vision_processor(folder)
    return str(folder)


def siglip(folder: Path) -> str:
    """Save a model of pictures and texts that sees padding and return its folder."""
    import torch
    from transformers import SiglipConfig, SiglipModel

    torch.manual_seed(5)
    part = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = SiglipConfig(
        text_config={
            **part,
            "vocab_size": 42,
            "max_position_embeddings": 12,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        vision_config={**part, "image_size": 16, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    vision_processor(folder)
    tokenizer(folder, longest=12)
    return str(folder)


def vision_processor(folder: Path) -> None:
    """Save an image processor that resizes to 16 x 16."""
    from transformers import ViTImageProcessor

    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)


def clip(folder: Path) -> str:
    """Save a model of pictures and texts and return its folder."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(3)
    config = CLIPConfig(
        text_config={
            "vocab_size": 42,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_position_embeddings": 12,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "image_size": 16,
            "patch_size": 8,
        },
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(
        folder
    )
    tokenizer(folder, longest=12)
    return str(folder)
