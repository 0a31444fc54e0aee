"""SQuAD's scores against the official scripts' steps spelled out."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute
from tasks.metrics.answers import squad, squad_v2

ANSWER = st.lists(
    st.sampled_from(
        ["the", "The", "cat", "a", "dog.", "!", "Füße", "猫", "cat cat", "1,000", "an", "", "A.B"]
    ),
    max_size=4,
).map(" ".join)
Question = tuple[str, float, list[str]]


def questions(least: int) -> st.SearchStrategy[list[Question]]:
    doubt = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
    return st.lists(
        st.tuples(ANSWER, doubt, st.lists(ANSWER, min_size=least, max_size=3)), min_size=1, max_size=8
    )


def apart(rows: list[Question]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    predictions = [
        {"id": str(place), "prediction_text": text, "no_answer_probability": doubt}
        for place, (text, doubt, _) in enumerate(rows)
    ]
    references = [
        {"id": str(place), "answers": {"text": texts, "answer_start": [0] * len(texts)}}
        for place, (_, _, texts) in enumerate(rows)
    ]
    return predictions, references


def plain(text: str) -> str:
    kept = "".join(mark for mark in text.lower() if mark not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def f1_by_hand(gold: str, said: str) -> float:
    one, other = plain(gold).split(), plain(said).split()
    same = sum((Counter(one) & Counter(other)).values())
    if not one or not other:
        return float(one == other)
    if not same:
        return 0.0
    precision, recall = same / len(other), same / len(one)
    return 2 * precision * recall / (precision + recall)


def by_hand(rows: list[Question], threshold: float) -> dict[str, float]:
    """The official script of SQuAD 2.0, step by step."""
    raw: dict[str, list[float]] = {"exact": [], "f1": []}
    for said, _, texts in rows:
        gold = [text for text in texts if plain(text)] or [""]
        raw["exact"].append(max(float(plain(text) == plain(said)) for text in gold))
        raw["f1"].append(max(f1_by_hand(text, said) for text in gold))
    found: dict[str, float] = {}
    for name, scores in raw.items():
        final = [
            float(not texts) if doubt > threshold else score
            for (_, doubt, texts), score in zip(rows, scores, strict=True)
        ]
        found[f"squad_v2_{name}"] = 100 * sum(final) / len(final)
        for part, there in (("HasAns", True), ("NoAns", False)):
            some = [score for (_, _, texts), score in zip(rows, final, strict=True) if bool(texts) is there]
            if some:
                found[f"squad_v2_{part}_{name}"] = 100 * sum(some) / len(some)
        current = best = float(sum(not texts for _, _, texts in rows))
        limit = 0.0
        for place in sorted(range(len(rows)), key=lambda place: rows[place][1]):
            said, doubt, texts = rows[place]
            current += scores[place] if texts else (-1 if said else 0)
            if current > best:
                best, limit = current, doubt
        found[f"best_{name}"], found[f"best_{name}_thresh"] = 100 * best / len(rows), limit
    return found


@given(questions(0), st.sampled_from([0.1, 0.5, 1.0]))
def test_squad_v2_equals_the_official_steps(rows: list[Question], threshold: float) -> None:
    predictions, references = apart(rows)
    measured = squad_v2(predictions, references, no_answer_threshold=threshold)
    found = {key: float(value) for key, value in measured.score(measured.statistics.total()).items()}
    for key, value in measured.details["squad_v2_best"][0].items():
        found[key] = float(str(value))
    assert found == pytest.approx(by_hand(rows, threshold), abs=1e-9)


@given(questions(1))
def test_squad_equals_the_official_steps(rows: list[Question]) -> None:
    """The first script differs where an answer is empty: that one's F1 is 0."""
    predictions, references = apart(rows)
    f1 = [max(f1_by_hand(text, said) if plain(said) else 0.0 for text in texts) for said, _, texts in rows]
    exact = [max(plain(text) == plain(said) for text in texts) for said, _, texts in rows]
    found = compute("squad", predictions=predictions[::-1], references=references, resamples=0)
    assert found["squad_f1"].value == pytest.approx(100 * sum(f1) / len(rows), abs=1e-9)
    assert found["squad_exact_match"].value == pytest.approx(100 * sum(exact) / len(rows), abs=1e-9)


@given(questions(1))
def test_token_f1_is_squad_v2s(rows: list[Question]) -> None:
    found = compute(
        "token_f1", predictions=[row[0] for row in rows], references=[row[2] for row in rows], resamples=0
    )
    wanted = [max(f1_by_hand(text, row[0]) for text in row[2]) for row in rows]
    assert found["token_f1"].value == pytest.approx(sum(wanted) / len(rows), abs=1e-9)


def test_raw_tokens_are_compared_as_they_are() -> None:
    found = compute("token_f1", predictions=["The cat"], references=["the cat"], normalize=False)
    assert found["token_f1_raw"].value == 0.5


def test_ids_that_do_not_fit_are_named() -> None:
    predictions, references = apart([("a", 0.0, ["a"]), ("b", 0.0, ["b"])])
    assert squad(predictions[:1], references).tags["squad_note"].startswith("1 questions have no prediction")
    found = compute("squad", predictions=predictions[1:], references=references, resamples=0)
    assert found["squad_f1"].value == 50
    for bad, message in (
        ((predictions[:1], references), "Question '1' has no prediction"),
        ((predictions, references[:1]), "prediction for '1', and no such question"),
        ((predictions[:1] * 2, references), "Several predictions have the id '0'"),
        (([{"id": "0"}], references), "prediction of row 0 lacks 'prediction_text'"),
        (
            ([{"id": "0", "prediction_text": "a"}], references[:1]),
            "prediction for '0' lacks 'no_answer_probability'",
        ),
        (
            ([{"id": "0", "prediction_text": "a", "no_answer_probability": float("nan")}], references[:1]),
            "'0' is not a number",
        ),
        (([], []), "There are no rows to score"),
    ):
        with pytest.raises(BadEvaluation, match=message):
            squad_v2(*bad)
    with pytest.raises(BadEvaluation, match="Question '0' has no right answer: use the metric squad_v2"):
        squad(predictions[:1], [{"id": "0", "answers": {"text": [], "answer_start": []}}])
