"""Metrics of likelihoods: values worked out by hand, intervals of shares, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tasks.errors import BadEvaluation
from tasks.metrics.intervals import scores
from tasks.metrics.likelihoods import choice_accuracy, model_perplexity

SHORT_WINS = {"log_likelihoods": [-4.0, -6.0], "characters": [2, 12], "bytes": [2, 24], "tokens": [1, 1]}


def test_length_decides_where_it_is_taken_into_account() -> None:
    found = scores(choice_accuracy([SHORT_WINS, SHORT_WINS], [1, 0]))
    assert found["choice_accuracy"].value == found["choice_accuracy_normalized"].value == 0.5
    assert scores(choice_accuracy([SHORT_WINS], [0]))["choice_accuracy"].value == 1.0
    assert scores(choice_accuracy([SHORT_WINS], [1]))["choice_accuracy_normalized"].value == 1.0
    by_tokens = scores(choice_accuracy([SHORT_WINS], [0], length="tokens"))
    assert by_tokens["choice_accuracy_normalized"].value == 1.0
    assert found["choice_accuracy"].method == "wilson"


@pytest.mark.parametrize(
    ("prediction", "right", "words"),
    [
        (SHORT_WINS, 2, "The right choice of row 0 is number 2, and it has 2 choices"),
        ({**SHORT_WINS, "characters": [0, 1]}, 0, "needs a length above 0 in characters"),
        ({"log_likelihoods": [-1.0]}, 0, "needs a length above 0 in characters"),
    ],
)
def test_choices_that_cannot_be_judged_are_refused(prediction: Any, right: int, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        choice_accuracy([prediction], [right])


def test_perplexity_counts_tokens_or_texts_the_same() -> None:
    texts = [
        {"log_likelihood": -2 * math.log(8), "tokens": 2},
        {"log_likelihood": -math.log(2), "tokens": 1},
        {"log_likelihood": 0.0, "tokens": 0},
    ]
    found = scores(model_perplexity(texts))
    assert found["model_perplexity"].value == pytest.approx(math.exp((2 * math.log(8) + math.log(2)) / 3))
    assert found["model_perplexity_mean"].value == pytest.approx(5.0)
    assert not found["model_perplexity"].higher_is_better
