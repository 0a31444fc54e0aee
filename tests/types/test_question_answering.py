"""Question answering: spans and "no answer" as the original SQuAD script finds them, window by window."""

from __future__ import annotations

import math
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.errors import BadEvaluation
from tasks.types.spans import best_spans, most_context, window_starts
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, bert

QUESTIONS = ["who was late", "where is the bag", "how many seats", "what happened", "since when"]


def data(folder: Path, *, unanswerable: bool) -> str:
    contexts = [" ".join(SENTENCES[number:] * 3) for number in range(len(SENTENCES))]
    contexts[1], contexts[4] = "in Berlin", "Tuesday"
    texts: list[list[str]] = [
        ["the train", "train"],
        ["Berlin"],
        ["two", "two seats"],
        ["charged"],
        ["Tuesday"],
    ]
    if unanswerable:
        texts[1] = texts[4] = []
    return saved(
        folder,
        {
            "id": list("abcde"),
            "question": QUESTIONS,
            "context": contexts,
            "answers": [{"text": each, "answer_start": [0] * len(each)} for each in texts],
        },
    )


def plain(
    words: Any, model: Any, question: str, context: str, window: int, overlap: int
) -> tuple[str, float]:
    """Loop over windows, first and last tokens as the original script does, one window at a time."""
    encoded = words(
        question,
        context,
        truncation="only_second",
        max_length=window,
        stride=overlap,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    ranges = []
    for number in range(len(encoded["input_ids"])):
        inside = [place for place, side in enumerate(encoded.sequence_ids(number)) if side == 1]
        ranges.append((inside[0], inside[-1]))
    best, text, nothing = -math.inf, "", math.inf
    for number, (low, high) in enumerate(ranges):
        inputs = {name: torch.tensor([encoded[name][number]]) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            found = model(**inputs)
        begins, ends = found.start_logits[0].tolist(), found.end_logits[0].tolist()
        nothing = min(nothing, begins[0] + ends[0])
        offsets = encoded["offset_mapping"][number]
        for start in range(low, high + 1):
            if not most(encoded, ranges, number, offsets[start]):
                continue
            for end in range(start, min(start + 30, high + 1)):
                if begins[start] + ends[end] > best:
                    best = begins[start] + ends[end]
                    text = context[offsets[start][0] : offsets[end][1]]
    return text, 1 / (1 + math.exp(best - nothing))


def most(encoded: Any, ranges: list[tuple[int, int]], number: int, offset: tuple[int, int]) -> bool:
    """Tell whether a window has most context around the token at some characters."""
    context = []
    for other, (low, high) in enumerate(ranges):
        places = encoded["offset_mapping"][other][low : high + 1]
        if offset in places:
            place = places.index(offset)
            context.append((min(place, len(places) - 1 - place) + 0.01 * len(places), -other))
    return -max(context)[1] == number


@pytest.mark.parametrize("unanswerable", [False, True])
def test_the_score_is_that_of_a_plain_loop(demo: Path, tmp_path: Path, unanswerable: bool) -> None:
    words, model = bert(demo, tmp_path / "reader", "BertForQuestionAnswering", seed=3)
    place = data(tmp_path / "data", unanswerable=unanswerable)
    given = {
        "task": "question-answering",
        "dataset": {"path": place},
        "models": [str(tmp_path / "reader")],
        "metrics": ["squad_v2", "exact_match", "token_f1"],
        "settings": {"max_tokens": 48, "overlap": 8},
    }
    judgement, rows = judged(given)
    import datasets

    predictions, references = [], []
    for row, prediction in zip(datasets.load_from_disk(place), rows, strict=True):
        text, doubt = plain(words, model, row["question"], row["context"], 48, 8)
        assert prediction["text"] == text == prediction["candidates"][0]
        assert prediction["no_answer"] == pytest.approx(doubt, rel=1e-4)
        said = "" if unanswerable and doubt > 0.5 else text
        predictions.append({"id": row["id"], "prediction_text": said, "no_answer_probability": 0.0})
        references.append({"id": row["id"], "answers": row["answers"]})
    assert any(row["no_answer"] > 0.5 for row in rows)
    assert [row["windows"] > 2 for row in rows] == [True, False, True, True, False]
    wanted = official(predictions, references)
    assert judgement.scores["squad_v2_f1"].value == pytest.approx(wanted["f1"])
    assert judgement.scores["squad_v2_exact"].value == pytest.approx(wanted["exact"])
    table = samples(given)
    assert table["reference"][1] == ("(no answer)" if unanswerable else "Berlin")


def official(predictions: list[Any], references: list[Any]) -> dict[str, float]:
    """Score by the official script's rules: normalised words, the best of the right answers."""

    def normal(text: str) -> list[str]:
        kept = "".join(each for each in text.lower() if each not in string.punctuation)
        return [word for word in kept.split() if word not in {"a", "an", "the"}]

    exact, f1 = [], []
    for prediction, reference in zip(predictions, references, strict=True):
        given = normal(prediction["prediction_text"])
        right = [normal(each) for each in reference["answers"]["text"]] or [[]]
        exact.append(max(given == each for each in right))
        shared = [sum((Counter(given) & Counter(each)).values()) for each in right]
        f1.append(
            max(
                2 * both / (len(given) + len(each)) if both else float(not given and not each)
                for both, each in zip(shared, right, strict=True)
            )
        )
    return {"f1": 100 * float(np.mean(f1)), "exact": 100 * float(np.mean(exact))}


def test_a_pair_within_the_length_wins_over_a_likelier_one_beyond_it() -> None:
    where = [(number * 2, number * 2 + 1) for number in range(6)]
    first = np.array([5.0, -9, -9, -9, -9, -9])
    last = np.array([0.0, 0, 1.0, 0, 0, 9.0])
    assert best_spans([where], [first], [last], 0, 3, 1)[0].end == 5
    assert best_spans([where], [first], [last], 0, 6, 1)[0].end == 11


def test_an_end_before_its_start_is_no_answer() -> None:
    where = [(0, 1), (2, 3)]
    (span,) = best_spans([where], [np.array([0.0, 9.0])], [np.array([9.0, 0.0])], 0, 30, 1)
    assert (span.start, span.end) in {(0, 1), (2, 3)}
    assert span.logit == 9.0


def test_tokens_of_the_question_are_never_an_answer() -> None:
    where = [None, None, (0, 4), (5, 9), None]
    (span,) = best_spans([where], [np.array([9.0, 9, 1, 2, 9])], [np.array([9.0, 9, 1, 2, 9])], 0, 30, 1)
    assert (span.start, span.end) == (5, 9)


def test_a_token_counts_where_it_has_most_context() -> None:
    """Windows of five tokens that share three: nine tokens, each owned once, ties by the first window."""
    owned = most_context(window_starts([5, 5, 5], 3), [5, 5, 5])
    assert [each.astype(int).tolist() for each in owned] == [
        [1, 1, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 1],
    ]


def test_the_same_words_found_in_two_windows_count_once() -> None:
    offsets = [[(0, 1), (2, 3), (4, 5)], [(2, 3), (4, 5), (6, 7)]]
    logits = [np.array([0.0, 1, 2]), np.array([1.0, 2, 0])]
    spans = best_spans(offsets, logits, logits, 2, 1, 20)
    assert len({(span.start, span.end) for span in spans}) == len(spans) == 4


def test_a_split_without_answers_is_refused_before_a_model_loads(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "reader", "BertForQuestionAnswering")
    place = saved(
        tmp_path / "data",
        {"question": ["q"], "context": ["c"], "answers": [{"text": [""], "answer_start": [0]}]},
    )
    with pytest.raises(BadEvaluation, match=r"No row has an answer in 'answers\.text'"):
        planned(
            {"task": "question-answering", "dataset": {"path": place}, "models": [str(tmp_path / "reader")]}
        )
