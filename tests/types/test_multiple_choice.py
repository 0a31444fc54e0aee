"""Multiple choice: likelihoods are those of one plain forward pass a choice, whatever a dataset's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from tasks.columns import map_columns
from tasks.errors import BadEvaluation, BadLabels
from tasks.types import task_type
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, llama

ENDINGS = [
    ["was late", "lost a bag in Berlin", "is red", "on Monday"],
    ["the train", "a", "two seats to London please", "why"],
    ["Friday", "York", "Leeds and Berlin", "card"],
    ["the lift", "station", "order", "walk on the platform"],
    ["March", "April", "twice", "nobody knew why it was late"],
]
RIGHT = [1, 0, 3, 2, 2]


def likelihood(words: Any, model: Any, before: str, after: str) -> float:
    """Sum the log-probabilities of a continuation's tokens in one forward pass."""
    context = words(before, add_special_tokens=False)["input_ids"]
    whole = words(before + after, add_special_tokens=False)["input_ids"]
    start = [words.cls_token_id] if words("a")["input_ids"][0] == words.bos_token_id else []
    ids = torch.tensor([[*start, *whole]])
    with torch.inference_mode():
        logs = model(ids).logits[0].log_softmax(-1)
    first = len(start) + len(context)
    return sum(float(logs[place - 1, ids[0, place]]) for place in range(first, ids.shape[1]))


def expected(words: Any, model: Any, contexts: list[str], said: list[list[str]]) -> list[list[float]]:
    return [
        [likelihood(words, model, context, f" {each}") for each in row]
        for context, row in zip(contexts, said, strict=True)
    ]


def shares(found: list[list[float]], said: list[list[str]], right: list[int]) -> tuple[float, float]:
    plain = [row.index(max(row)) == label for row, label in zip(found, right, strict=True)]
    fair = []
    for row, texts, label in zip(found, said, right, strict=True):
        values = [total / len(text) for total, text in zip(row, texts, strict=True)]
        fair.append(values.index(max(values)) == label)
    return sum(plain) / len(plain), sum(fair) / len(fair)


@pytest.mark.parametrize("layout", ["hellaswag", "arc", "swag"])
def test_choices_are_judged_by_their_words(demo: Path, tmp_path: Path, layout: str) -> None:
    words, model = llama(demo, tmp_path / "llama")
    columns: dict[str, str] = {}
    if layout == "hellaswag":
        content = {"ctx": SENTENCES, "endings": ENDINGS, "label": [str(each) for each in RIGHT]}
    elif layout == "arc":
        names = [list("ABCD"), list("1234"), list("ABCD"), list("ABCD"), list("1234")]
        content = {
            "question": SENTENCES,
            "choices": [{"text": one, "label": two} for one, two in zip(ENDINGS, names, strict=True)],
            "answerKey": [two[label] for two, label in zip(names, RIGHT, strict=True)],
        }
    else:
        content = {"sent1": SENTENCES, "label": RIGHT}
        content |= {f"ending{number}": [row[number] for row in ENDINGS] for number in range(4)}
        columns = {"choices": "ending0, ending1, ending2, ending3"}
    given: dict[str, Any] = {
        "task": "multiple-choice",
        "dataset": {"path": saved(tmp_path / "data", content)},
        "columns": columns,
        "models": [str(tmp_path / "llama")],
    }
    judgement, rows = judged(given)
    wanted = expected(words, model, SENTENCES, ENDINGS)
    for row, likelihoods in zip(rows, wanted, strict=True):
        assert row["log_likelihoods"] == pytest.approx(likelihoods, rel=1e-4)
    plain, fair = shares(wanted, ENDINGS, RIGHT)
    assert judgement.scores["choice_accuracy"].value == plain
    assert judgement.scores["choice_accuracy_normalized"].value == fair
    assert samples(given)["reference"] == [row[label] for row, label in zip(ENDINGS, RIGHT, strict=True)]


def test_choices_are_judged_by_their_letters_after_solved_examples(demo: Path, tmp_path: Path) -> None:
    words, model = llama(demo, tmp_path / "llama")
    content = {"question": SENTENCES, "choices": ENDINGS, "answer": RIGHT}
    features = datasets.Features(
        {
            "question": datasets.Value("string"),
            "choices": datasets.List(datasets.Value("string")),
            "answer": datasets.ClassLabel(names=list("ABCD")),
        }
    )
    whole = datasets.Dataset.from_dict(content, features=features)
    split = datasets.DatasetDict({"dev": whole.select([0, 1]), "test": whole.select([2, 3, 4])})
    split.save_to_disk(tmp_path / "data")
    given: dict[str, Any] = {
        "task": "multiple-choice",
        "dataset": {"path": str(tmp_path / "data"), "split": "test"},
        "models": [str(tmp_path / "llama")],
        "settings": {"generation": {"template": "{prompt}\n{choices}\nAnswer:", "examples": 2}},
    }
    judgement, rows = judged(given)

    def asked(question: str, choices: list[str]) -> str:
        lines = "".join(f"{letter}. {each}\n" for letter, each in zip("ABCD", choices, strict=True))
        return f"{question}\n{lines}Answer:"

    _, candidate = planned(given)
    shown = "".join(
        f"{asked(each['prompt'], each['choices'])} {each['label']}\n\n" for each in candidate.options.examples
    )
    assert shown.count("Answer: ") == 2
    contexts = [shown + asked(SENTENCES[number], ENDINGS[number]) for number in (2, 3, 4)]
    wanted = expected(words, model, contexts, [list("ABCD")] * 3)
    for row, likelihoods in zip(rows, wanted, strict=True):
        assert row["log_likelihoods"] == pytest.approx(likelihoods, rel=1e-4)
        assert row["tokens"] == [1, 1, 1, 1]
    plain, _ = shares(wanted, [list("ABCD")] * 3, RIGHT[2:])
    assert judgement.scores["choice_accuracy"].value == plain


def test_layouts_of_known_datasets_are_guessed() -> None:
    text, label = datasets.Value("string"), datasets.ClassLabel(names=list("ABCD"))
    kind = task_type("multiple-choice")
    listed = datasets.List(text)
    mmlu = datasets.Features({"question": text, "subject": text, "choices": listed, "answer": label})
    assert map_columns(kind, mmlu, {}, "d").columns == {
        "prompt": "question",
        "choices": "choices",
        "label": "answer",
    }
    arc = datasets.Features(
        {"id": text, "question": text, "choices": {"text": listed, "label": listed}, "answerKey": text}
    )
    assert map_columns(kind, arc, {}, "d").columns == {
        "prompt": "question",
        "choices": "choices.text",
        "label": "answerKey",
        "keys": "choices.label",
    }


@pytest.mark.parametrize("labels", [["", "0"], ["-1", "-1"]])
def test_hidden_answers_are_refused_before_a_model_loads(
    demo: Path, tmp_path: Path, labels: list[str]
) -> None:
    llama(demo, tmp_path / "llama")
    place = saved(tmp_path / "data", {"ctx": SENTENCES[:2], "endings": ENDINGS[:2], "label": labels})
    with pytest.raises(BadLabels, match="right choices of this split are hidden"):
        planned({"task": "multiple-choice", "dataset": {"path": place}, "models": [str(tmp_path / "llama")]})


def test_an_encoders_head_ranks_choices(demo: Path, tmp_path: Path) -> None:
    from tests.types.texts import bert

    words, model = bert(demo, tmp_path / "m", "BertForMultipleChoice")
    content: dict[str, Any] = {"sent1": SENTENCES, "sent2": ["the", "a", "to", "in", "it"], "label": RIGHT}
    content |= {f"ending{number}": [row[number] for row in ENDINGS] for number in range(4)}
    given: dict[str, Any] = {
        "task": "multiple-choice",
        "dataset": {"path": saved(tmp_path / "data", content)},
        "columns": {
            "prompt": "sent1",
            "lead": "sent2",
            "choices": "ending0, ending1, ending2, ending3",
            "label": "label",
        },
        "models": [str(tmp_path / "m")],
    }
    judgement, rows = judged(given)
    hits = 0
    for row, first, lead, endings, label in zip(
        rows, SENTENCES, content["sent2"], ENDINGS, RIGHT, strict=True
    ):
        pairs = words([first] * 4, [f"{lead} {each}" for each in endings], padding=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**{name: each[None] for name, each in pairs.items()}).logits[0]
        assert row["log_likelihoods"] == pytest.approx(logits.log_softmax(-1).tolist(), rel=1e-3, abs=1e-4)
        hits += int(logits.argmax()) == label
    assert judgement.scores["choice_accuracy"].value == hits / 5
    assert judgement.scores["choice_accuracy_normalized"].value == hits / 5
    with pytest.raises(BadEvaluation, match="by a head of its own"):
        judged({**given, "settings": {"generation": {"template": "{prompt} {choices}"}}})
