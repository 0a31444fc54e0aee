"""Answers to questions: exact match and token F1 of normalised answers, as SQuAD's scripts compute them.

Source: Rajpurkar et al. (2016), SQuAD; Rajpurkar, Jia and Liang (2018), SQuAD 2.0. Reference implementations:
the official evaluation scripts, in HF evaluate's `squad` and `squad_v2`.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.ratios import over
from tasks.metrics.statistics import FloatArray, Sums
from tasks.metrics.texts import References, several

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

Row = Mapping[str, Any]


def normalized(answer: str) -> str:
    """Lower an answer's case and drop punctuation, English articles and extra space.

    >>> normalized("The  Cat, an animal.")
    'cat animal'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def overlap(given: Sequence[str], wanted: Sequence[str]) -> float:
    """Return F1 of the tokens two answers share; 0 where they share none, be they empty.

    >>> overlap(["a", "b"], ["b"])
    0.6666666666666666
    """
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def token_f1(predictions: Sequence[str], references: References, normalize: bool = True) -> Measurement:
    """Token F1 from 0 to 1: the mean over rows of what an answer shares with its best reference, as in SQuAD.

    Key: `token_f1`, or `token_f1_raw` where `normalize` is off. Two empty answers agree (as in SQuAD 2.0).
    Unfit for scripts without spaces. Reference: the F1 of HF evaluate's `squad_v2`, by 100.

    Args:
        predictions: One answer a row.
        references: One right answer a row, or a list of them.
        normalize: Lower case; drop punctuation, English articles and extra space.
    """
    rows = several(predictions, references)
    ready = normalized if normalize else str
    values = np.ones((len(rows), 2))
    for place, (given, row) in enumerate(zip(predictions, rows, strict=True)):
        values[place, 0] = max(_agreement(ready(given).split(), ready(each).split()) for each in row)
    key = "token_f1" if normalize else "token_f1_raw"
    return Measurement(
        Sums(values), lambda totals: {key: over(totals[..., 0], totals[..., 1], np.nan)}, {key: True}
    )


def squad(predictions: Sequence[Row], references: Sequence[Row]) -> Measurement:
    """SQuAD's F1 and exact match from 0 to 100: each question's best right answer, mean over questions.

    Keys: `squad_f1`, `squad_exact_match`. Predictions go with references by id; a question without a
    prediction scores 0, which a tag says. Every question needs a right answer: unanswerable ones are for
    `squad_v2`. Reference: HF evaluate's `squad`.

    Args:
        predictions: `{"id": …, "prediction_text": …}` for each question.
        references: `{"id": …, "answers": {"text": […], "answer_start": […]}}` for each question.

    Raises:
        BadEvaluation: A question has no right answer, or ids do not fit together.
    """
    given = _by_id(predictions, references)
    values = np.zeros((len(references), 3))
    values[:, 2] = 1.0
    missing = 0
    for place, row in enumerate(references):
        answers = _texts(row)
        if not answers:
            raise BadEvaluation(f"Question '{row['id']}' has no right answer: use the metric squad_v2.")
        if row["id"] not in given:
            missing += 1
            continue
        said = normalized(_said(given[row["id"]]))
        right = [normalized(answer) for answer in answers]
        values[place, 0] = max(overlap(said.split(), answer.split()) for answer in right)
        values[place, 1] = said in right

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        return {
            "squad_f1": 100 * over(totals[..., 0], totals[..., 2], np.nan),
            "squad_exact_match": 100 * over(totals[..., 1], totals[..., 2], np.nan),
        }

    return Measurement(
        Sums(values),
        score,
        {"squad_f1": True, "squad_exact_match": True},
        proportions={"squad_exact_match": 100.0},
        tags={"squad_note": f"{missing} questions have no prediction and score 0"} if missing else {},
    )


def squad_v2(
    predictions: Sequence[Row], references: Sequence[Row], no_answer_threshold: float = 1.0
) -> Measurement:
    """SQuAD 2.0's F1 and exact match from 0 to 100, where a question may have no answer.

    Keys: `squad_v2_f1`, `squad_v2_exact`, the same over questions with (`HasAns`) and without (`NoAns`) an
    answer where there are such. The best scores any threshold would give, and those thresholds, are in the
    `squad_v2_best` table: chosen on these very rows, so too good for a result. A right answer that is all
    articles and punctuation counts as none. Reference: HF evaluate's `squad_v2`.

    Args:
        predictions: `{"id": …, "prediction_text": …, "no_answer_probability": …}` for each question, the
            text empty for no answer. The probability must be the model's for "no answer", not 1 minus its
            answer's score.
        references: `{"id": …, "answers": {"text": […], "answer_start": […]}}`; no texts for no answer.
        no_answer_threshold: Probabilities above it stand for "no answer".

    Raises:
        BadEvaluation: Ids do not fit together, or a probability is missing or not a number.
    """
    given = _by_id(predictions, references)
    raw: dict[Any, tuple[float, float, bool]] = {}
    values = np.zeros((len(references), 6))
    for place, row in enumerate(references):
        if row["id"] not in given:
            raise BadEvaluation(f"Question '{row['id']}' has no prediction.")
        answers = _texts(row)
        said = normalized(_said(given[row["id"]]))
        right = [answer for answer in map(normalized, answers) if answer] or [""]
        exact = float(said in right)
        f1 = max(_agreement(said.split(), answer.split()) for answer in right)
        raw[row["id"]] = exact, f1, bool(answers)
        if _doubt(given[row["id"]]) > no_answer_threshold:
            exact = f1 = float(not answers)
        values[place] = (f1, exact, 1.0, f1 * bool(answers), exact * bool(answers), bool(answers))
    answered = bool(values[:, 5].any())
    unanswered = not values[:, 5].all()

    def score(totals: FloatArray) -> dict[str, FloatArray]:
        count, there = totals[..., 2], totals[..., 5]
        found = {}
        for place, name in enumerate(("f1", "exact")):
            every, some = totals[..., place], totals[..., place + 3]
            found[f"squad_v2_{name}"] = 100 * over(every, count, np.nan)
            if answered:
                found[f"squad_v2_HasAns_{name}"] = 100 * over(some, there, np.nan)
            if unanswered:
                found[f"squad_v2_NoAns_{name}"] = 100 * over(every - some, count - there, np.nan)
        return found

    best = {
        **_best(predictions, raw, 0, "exact"),
        **_best(predictions, raw, 1, "f1"),
    }
    keys = score(values.sum(axis=0))
    return Measurement(Sums(values), score, dict.fromkeys(keys, True), details={"squad_v2_best": [best]})


def _agreement(given: Sequence[str], wanted: Sequence[str]) -> float:
    """Return F1 of tokens, where two answers without any agree."""
    if not given or not wanted:
        return float(not given and not wanted)
    return overlap(given, wanted)


def _best(
    predictions: Sequence[Row], raw: Mapping[Any, tuple[float, float, bool]], part: int, name: str
) -> dict[str, object]:
    """Return the best mean over thresholds: answers are believed from the least doubted on."""
    doubts = np.array([_doubt(row) for row in predictions])
    order = np.argsort(doubts, kind="stable")
    gains = np.array(
        [raw[row["id"]][part] if raw[row["id"]][2] else -float(bool(_said(row))) for row in predictions]
    )
    start = sum(not each[2] for each in raw.values())
    reached = np.cumsum(np.concatenate([[float(start)], gains[order]]))
    top = int(reached.argmax())
    threshold = float(doubts[order[top - 1]]) if top else 0.0
    return {f"best_{name}": 100.0 * float(reached[top]) / len(raw), f"best_{name}_thresh": threshold}


def _by_id(predictions: Sequence[Row], references: Sequence[Row]) -> dict[Any, Row]:
    """Return predictions by id, once ids are seen to fit together."""
    if not len(references):
        raise BadEvaluation("There are no rows to score.")
    for what, rows, wanted in (
        ("prediction", predictions, "prediction_text"),
        ("reference", references, "answers"),
    ):
        for place, row in enumerate(rows):
            lacking = [key for key in ("id", wanted) if not isinstance(row, Mapping) or key not in row]
            if lacking:
                raise BadEvaluation(f"The {what} of row {place} lacks '{lacking[0]}'.")
    asked = Counter(row["id"] for row in references)
    given = Counter(row["id"] for row in predictions)
    for what, ids in (("references", asked), ("predictions", given)):
        if len(ids) < ids.total():
            raise BadEvaluation(f"Several {what} have the id '{ids.most_common(1)[0][0]}'.")
    for each in given:
        if each not in asked:
            raise BadEvaluation(f"There is a prediction for '{each}', and no such question.")
    return {row["id"]: row for row in predictions}


def _texts(row: Row) -> list[str]:
    answers = row["answers"]
    try:
        texts = answers["text"] if isinstance(answers, Mapping) else [each["text"] for each in answers]
        found = list(texts)
    except (KeyError, TypeError):
        raise BadEvaluation(
            f"The answers of question '{row['id']}' are no mapping with a list 'text', and no list of such."
        ) from None
    if isinstance(texts, str) or not all(isinstance(text, str) for text in found):
        raise BadEvaluation(f"The right answers of question '{row['id']}' are not a list of texts.")
    return found


def _said(row: Row) -> str:
    text = row["prediction_text"]
    if not isinstance(text, str):
        raise BadEvaluation(f"The prediction for '{row['id']}' is not text but {type(text).__name__}.")
    return text


def _doubt(row: Row) -> float:
    if "no_answer_probability" not in row:
        raise BadEvaluation(f"The prediction for '{row['id']}' lacks 'no_answer_probability'.")
    try:
        doubt = float(row["no_answer_probability"])
    except (TypeError, ValueError):
        doubt = math.nan
    if math.isnan(doubt):
        raise BadEvaluation(f"The no-answer probability of '{row['id']}' is not a number.")
    return doubt
