"""Small BERT-like models trained on the messages: two that tell the topic, two that tag entities."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from infra.demo import messages
from infra.demo.training import fit, shuffled

TOPIC_WORDS = 1200
TAGGER_WORDS = 360
"""A tagger must spell names it has not seen, so its vocabulary is short pieces."""
LONGEST = 64


def make_data(folder: Path, demo: Path) -> None:
    """Save the messages with topics and tags as named labels, in train and test."""
    import datasets

    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "topic": datasets.ClassLabel(names=messages.TOPICS),
            "tokens": datasets.List(datasets.Value("string")),
            "tags": datasets.List(datasets.ClassLabel(names=messages.TAGS)),
        }
    )
    splits = {
        split: datasets.Dataset.from_list(
            [{name: row[name] for name in features} for row in messages.read(split)], features=features
        )
        for split in ("train", "test")
    }
    datasets.DatasetDict(splits).save_to_disk(folder)


def tokenizer(size: int) -> Any:
    """Train a WordPiece tokenizer on the training messages."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, min_frequency=2
    )
    made.train_from_iterator((row["text"] for row in messages.read("train")), trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=LONGEST,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _config(names: list[str], size: int, width: int, layers: int) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=LONGEST,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )


def _make_topic(folder: Path, *, width: int, layers: int, epochs: int) -> None:
    import torch
    from transformers import BertForSequenceClassification, set_seed

    set_seed(0)
    words, rows = tokenizer(TOPIC_WORDS), messages.read("train")
    model = BertForSequenceClassification(_config(messages.TOPICS, len(words), width, layers))

    def batches(epoch: int) -> list[dict[str, Any]]:
        return [
            {
                **words([rows[each]["text"] for each in chosen], padding=True, return_tensors="pt"),
                "labels": torch.tensor([messages.TOPICS.index(rows[each]["topic"]) for each in chosen]),
            }
            for chosen in shuffled(len(rows), 32, epoch)
        ]

    fit(model, batches, epochs=epochs, rate=2e-3).save_pretrained(folder)
    words.save_pretrained(folder)


def _varied(row: dict[str, Any], generator: random.Random) -> list[str]:
    """Change the letters and digits of some entities, so that a tagger learns more than a list of names."""
    return [
        _respelled(token, generator) if tag != "O" and generator.random() < 0.6 else token
        for token, tag in zip(row["tokens"], row["tags"], strict=True)
    ]


def _respelled(token: str, generator: random.Random) -> str:
    """Replace letters by letters and digits by digits, vowels by vowels; marks stay.

    >>> len(_respelled("RX-204", random.Random(0)))
    6
    """
    kinds = ("aeiou", "bcdfghklmnprstvwz", "AEIOU", "BCDFGHKLMNPRSTVWZ", "0123456789")
    choices = {letter: kind for kind in kinds for letter in kind}
    return "".join(generator.choice(choices.get(letter, letter)) for letter in token)


def _make_tagger(folder: Path, *, width: int, layers: int, epochs: int) -> None:
    import torch
    from transformers import BertForTokenClassification, set_seed

    set_seed(0)
    words, rows = tokenizer(TAGGER_WORDS), messages.read("train")
    model = BertForTokenClassification(_config(messages.TAGS, len(words), width, layers))

    def batches(epoch: int) -> list[dict[str, Any]]:
        made = []
        generator = random.Random(epoch)
        for chosen in shuffled(len(rows), 32, epoch):
            encoded = words(
                [_varied(rows[each], generator) for each in chosen],
                is_split_into_words=True,
                padding=True,
                return_tensors="pt",
            )
            labels = [
                [
                    -100 if word is None else messages.TAGS.index(rows[each]["tags"][word])
                    for word in encoded.word_ids(place)
                ]
                for place, each in enumerate(chosen)
            ]
            made.append({**encoded, "labels": torch.tensor(labels)})
        return made

    fit(model, batches, epochs=epochs, rate=2e-3).save_pretrained(folder)
    words.save_pretrained(folder)


def make_topic_small(folder: Path, demo: Path) -> None:
    """Train a topic classifier of one layer, 16 wide."""
    _make_topic(folder, width=16, layers=1, epochs=8)


def make_topic_large(folder: Path, demo: Path) -> None:
    """Train a topic classifier of one layer, 32 wide."""
    _make_topic(folder, width=32, layers=1, epochs=10)


def make_tagger_small(folder: Path, demo: Path) -> None:
    """Train a tagger of one layer, 32 wide."""
    _make_tagger(folder, width=32, layers=1, epochs=20)


def make_tagger_large(folder: Path, demo: Path) -> None:
    """Train a tagger of two layers, 128 wide."""
    _make_tagger(folder, width=128, layers=2, epochs=16)
