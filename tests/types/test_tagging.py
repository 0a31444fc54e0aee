"""Tags of words from those of sub-words and of windows: equal to a plain loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.errors import BadEvaluation
from tests.types.judging import judged, saved
from tests.types.texts import SENTENCES, bert

TAGS = ["O", "B-PERSON", "I-PERSON", "B-PLACE", "I-PLACE"]


def evaluation(folder: Path, model: Path, rows: list[list[str]], **settings: Any) -> dict[str, Any]:
    tags = [[TAGS[len(word) % 5] for word in row] for row in rows]
    return {
        "task": "token-classification",
        "dataset": {"path": saved(folder, {"tokens": rows, "tags": tags})},
        "columns": {"tokens": "tokens", "tags": "tags"},
        "models": [str(model)],
        "settings": settings,
    }


def tagged(words: Any, model: Any, row: list[str], strategy: str) -> list[str]:
    encoded = words(row, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        probabilities = model(**encoded).logits[0].softmax(-1)
    found = []
    for number in range(len(row)):
        own = torch.stack(
            [probabilities[place] for place, word in enumerate(encoded.word_ids()) if word == number]
        )
        if strategy == "first":
            chosen = own[0]
        elif strategy == "average":
            chosen = own.mean(0)
        else:
            chosen = max(own, key=lambda each: float(each.max()))
        found.append(TAGS[int(chosen.argmax())])
    return found


@pytest.fixture
def tagger(demo: Path, tmp_path: Path) -> tuple[Any, Any, Path]:
    place = tmp_path / "m"
    words, model = bert(demo, place, "BertForTokenClassification", id2label=dict(enumerate(TAGS)), seed=2)
    return words, model, place


@pytest.mark.parametrize("strategy", ["first", "max", "average"])
def test_a_word_s_tag_follows_from_its_subwords(
    tagger: tuple[Any, Any, Path], tmp_path: Path, strategy: str
) -> None:
    words, model, place = tagger
    rows = [text.replace("train", "trainspotters").split() for text in SENTENCES]
    assert any(len(words(word, add_special_tokens=False)["input_ids"]) > 2 for row in rows for word in row)
    _, found = judged(evaluation(tmp_path / "d", place, rows, subwords=strategy))
    assert [row["tags"] for row in found] == [tagged(words, model, row, strategy) for row in rows]


def test_long_rows_are_read_in_windows_and_no_word_is_lost(
    tagger: tuple[Any, Any, Path], tmp_path: Path
) -> None:
    words, model, place = tagger
    row = " ".join(SENTENCES).split()
    given = evaluation(tmp_path / "d", place, [row], max_tokens=24, overlap=10)
    _, (found,) = judged(given)
    encoded = words(
        row,
        is_split_into_words=True,
        truncation=True,
        max_length=24,
        stride=10,
        return_overflowing_tokens=True,
    )
    best: dict[int, tuple[int, int, str]] = {}
    for number in range(len(encoded["input_ids"])):
        with torch.inference_mode():
            logits = model(torch.tensor([encoded["input_ids"][number]])).logits[0]
        owners = encoded.word_ids(number)
        for word in {each for each in owners if each is not None}:
            own = [place for place, each in enumerate(owners) if each == word]
            around = min(own[0], len(owners) - 1 - own[-1])
            if word not in best or (len(own), around) > best[word][:2]:
                best[word] = (len(own), around, TAGS[int(logits[own[0]].argmax())])
    assert len(encoded["input_ids"]) > 3
    assert found["tags"] == [best[number][2] for number in range(len(row))]
    assert found["lost_words"] == 0


def test_windows_that_share_too_much_are_refused(tagger: tuple[Any, Any, Path], tmp_path: Path) -> None:
    given = evaluation(tmp_path / "d", tagger[2], [["a"]], max_tokens=24, overlap=22)
    with pytest.raises(BadEvaluation, match="Windows of 22 tokens of words"):
        judged(given)
