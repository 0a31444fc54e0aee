"""Answers about images and documents: VQA accuracy and normalised Levenshtein similarity (ANLS)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.means import mean_of_rows
from tasks.metrics.shapes import check_lengths

AGREED = 3
"""People who gave an answer before it is wholly right."""

_SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_SPELLED)}}
_ARTICLES = {"a", "an", "the"}
_CONTRACTIONS = """
ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd
how's i'm i've isn't it'd it'll let's ma'am mightn't might've mustn't must've needn't o'clock
oughtn't shan't she's should've shouldn't somebody'd somebody's someone's something's that's there'd
there're there's they'd they'll they're they've wasn't we've weren't what'll what're what's what've
when's where'd where's where've who'd who'll who's who've why'll why're why's won't would've
wouldn't y'all you'd you'll you're you've
"""
_WITH_APOSTROPHE = {each.replace("'", ""): each for each in _CONTRACTIONS.split()}
_MARKS = ';/[]"{}()=+\\_-<>@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_STRAY_PERIOD = re.compile(r"\.(?!\d)")


def normalized(answer: str) -> str:
    """Return an answer as VQA compares it: lower case, digits for numbers, no articles, no stray marks.

    >>> normalized("The  two dogs."), normalized("dont!")
    ('2 dogs', "don't")
    """
    text = answer.replace("\n", " ").replace("\t", " ").strip()
    joined = bool(_COMMA_IN_NUMBER.search(text))
    for mark in _MARKS:
        alone = f"{mark} " in text or f" {mark}" in text
        text = text.replace(mark, "" if alone or joined else " ")
    words = _STRAY_PERIOD.sub("", text).lower().split()
    kept = [_NUMBERS.get(word, word) for word in words if word not in _ARTICLES]
    return " ".join(_WITH_APOSTROPHE.get(word, word) for word in kept)


def vqa_accuracy(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Measurement:
    """Agreement with people's answers, 0 to 1: an answer that three of the others gave is wholly right.

    Key: `vqa_accuracy`. Each person's answer is left out in turn; the share is min(agreeing others / 3, 1),
    and the mean is taken over people and rows. With fewer than three others, all of them have to agree; with
    one answer alone, it has to be that. Answers are compared in lower case, with digits for numbers, without
    articles and punctuation. Source: Antol et al. (2015). Trap: the official script leaves punctuation alone
    where all people agree.

    >>> measured = vqa_accuracy(["A net"], [["net"] * 4 + ["nets"] * 6])
    >>> float(measured.score(measured.statistics.total())["vqa_accuracy"])
    1.0
    """
    _check(predictions, references)
    values = []
    for given, right in zip(predictions, references, strict=True):
        answer, people = normalized(given), [normalized(each) for each in right]
        same = sum(each == answer for each in people)
        others = len(people) - 1
        wanted = min(AGREED, others)
        if not others:
            values.append(float(same))
            continue
        shares = [min(1.0, (same - (each == answer)) / wanted) for each in people]
        values.append(float(np.mean(shares)))
    return mean_of_rows("vqa_accuracy", np.array(values))


def anls(
    predictions: Sequence[str], references: Sequence[Sequence[str]], threshold: float = 0.5
) -> Measurement:
    """Likeness of an answer to the nearest right one by edit distance, 0 to 1; 0 where it is below half.

    Key: `anls`, the mean over rows of 1 - distance / length of the longer; an answer whose distance is
    `threshold` of that or more counts as 0. Case and spaces at the ends do not count. Source: Biten et al.
    (2019), as DocVQA uses it.

    >>> measured = anls(["1o.5", "no"], [["10.5"], ["yes", "maybe"]])
    >>> float(measured.score(measured.statistics.total())["anls"])
    0.375
    """
    from rapidfuzz.distance import Levenshtein

    _check(predictions, references)
    if not 0 < threshold <= 1:
        raise BadEvaluation(f"threshold is a share above 0 and at most 1, and {threshold} is not.")
    values = []
    for given, right in zip(predictions, references, strict=True):
        answer = _plain(given)
        distances = [Levenshtein.normalized_distance(answer, _plain(each)) for each in right]
        values.append(max(1 - each if each < threshold else 0.0 for each in distances))
    return mean_of_rows("anls", np.array(values))


def _plain(text: str) -> str:
    return " ".join(text.strip().lower().split())


def _check(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    check_lengths(predictions, references)
    for row, (given, right) in enumerate(zip(predictions, references, strict=True)):
        if not isinstance(given, str):
            raise BadEvaluation(f"Row {row} needs a text as its answer, and has {given!r}.")
        if isinstance(right, str) or not right or not all(isinstance(each, str) for each in right):
            raise BadEvaluation(f"Row {row} needs a list of right answers, and has {right!r}.")
