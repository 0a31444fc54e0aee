"""Solved rows are shown to encoder-decoders as to causal models: before the prompt, which is not cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from tests.types.judging import judged, planned
from tests.types.test_writing import t5
from tests.types.texts import SENTENCES


@pytest.mark.parametrize("most", [60, 24])
def test_encoder_decoders_are_shown_examples(demo: Path, tmp_path: Path, most: int) -> None:
    words, model = t5(demo, tmp_path / "t5", {})
    split = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict({"text": SENTENCES[:3], "target": ["a", "b", "c"]}),
            "test": datasets.Dataset.from_dict({"text": SENTENCES[3:], "target": ["7", "8"]}),
        }
    )
    split.save_to_disk(tmp_path / "data")
    given: dict[str, Any] = {
        "task": "text2text-generation",
        "dataset": {"path": str(tmp_path / "data"), "split": "test"},
        "models": [str(tmp_path / "t5")],
        "settings": {
            "max_tokens": most,
            "generation": {"examples": 2, "max_new_tokens": 6, "template": "Q: {prompt}\nA:"},
        },
    }
    _, candidate = planned(given)
    shown = [(row["text"], row["target"]) for row in candidate.options.examples]
    assert len(shown) == 2
    assert set(shown) < set(zip(SENTENCES[:3], "abc", strict=True))
    before = "".join(f"Q: {question}\nA: {answer}\n\n" for question, answer in shown)
    words.truncation_side = "left"
    wanted, long = [], []
    for question in SENTENCES[3:]:
        asked = f"{before}Q: {question}\nA:"
        long.append(len(words(asked)["input_ids"]) > most)
        whole = words(asked, truncation=True, max_length=most)
        ids = torch.tensor([whole["input_ids"]])
        with torch.inference_mode():
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=6)
        wanted.append(words.decode(made[0], skip_special_tokens=True).strip())
    _, rows = judged(given)
    assert [row["text"].strip() for row in rows] == wanted
    assert [row["truncated"] for row in rows] == long
    assert any(long)
