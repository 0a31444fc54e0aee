"""Retrieval metrics against trec_eval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytrec_eval
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation
from tasks.metrics import compute

DOCUMENTS = [*(f"d{number}" for number in range(12)), "文書", "документ"]
SCORE = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(-5, 5, width=32))
QUERIES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(DOCUMENTS), SCORE, min_size=1),
        st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1),
    ),
    min_size=1,
    max_size=5,
)
SAME = {
    "ndcg_at_5": ("ndcg", {"k": 5}, "ndcg_cut_5"),
    "ndcg": ("ndcg", {"k": None}, "ndcg"),
    "mrr": ("mrr", {}, "recip_rank"),
    "recall_at_5": ("recall_at_k", {"k": 5}, "recall_5"),
    "precision_at_5": ("precision_at_k", {"k": 5}, "P_5"),
    "hit_rate_at_5": ("hit_rate", {"k": 5}, "success_5"),
    "map": ("retrieval_map", {}, "map"),
    "map_at_5": ("retrieval_map", {"k": 5}, "map_cut_5"),
}


@given(QUERIES)
def test_scores_equal_trec_evals(queries: list[tuple[dict[str, float], dict[str, int]]]) -> None:
    run = {str(number): given for number, (given, _) in enumerate(queries)}
    right = {str(number): wanted for number, (_, wanted) in enumerate(queries)}
    measures = {"ndcg_cut.5", "ndcg", "recip_rank", "recall.5", "P.5", "success.5", "map", "map_cut.5"}
    theirs = pytrec_eval.RelevanceEvaluator(right, measures).evaluate(run)
    for key, (name, arguments, measure) in SAME.items():
        found = compute(
            name,
            predictions=[given for given, _ in queries],
            references=[wanted for _, wanted in queries],
            resamples=0,
            **arguments,
        )
        wanted = np.mean([theirs[query][measure] for query in run])
        assert found[key].value == pytest.approx(wanted, abs=1e-9), key


def test_ranked_lists_are_as_falling_scores() -> None:
    ranked = [["a", "b", "c"], ["x", "y"]]
    scored = [{"a": 3.0, "b": 2.0, "c": 1.0}, {"x": 2.0, "y": 1.0}]
    right = [["b", "z"], {"y": 1}]
    for name in ("ndcg", "mrr", "recall_at_k", "precision_at_k", "hit_rate", "retrieval_map"):
        one = compute(name, predictions=ranked, references=right)
        assert one == compute(name, predictions=scored, references=right)


def test_linear_gain_equals_sklearns_without_ties() -> None:
    generator = np.random.default_rng(0)
    relevance = generator.integers(0, 4, (20, 15))
    scores = generator.permutation(np.arange(300.0)).reshape(20, 15)
    found = compute(
        "ndcg",
        predictions=[dict(enumerate(row)) for row in scores.tolist()],
        references=[dict(enumerate(row)) for row in relevance.tolist()],
        k=7,
    )["ndcg_at_7"]
    assert found.value == pytest.approx(sklearn.metrics.ndcg_score(relevance, scores, k=7), abs=1e-9)
    assert found.low is not None
    exponential = compute(
        "ndcg",
        predictions=[dict(enumerate(row)) for row in scores.tolist()],
        references=[dict(enumerate(row)) for row in relevance.tolist()],
        k=7,
        gain="exponential",
    )["ndcg_exponential_at_7"]
    wanted = sklearn.metrics.ndcg_score(2**relevance - 1, scores, k=7)
    assert exponential.value == pytest.approx(wanted, abs=1e-9)


def test_score_keys_are_names_mlflow_takes() -> None:
    from mlflow.utils.validation import _validate_metric_name

    for key in SAME:
        _validate_metric_name(key)


@pytest.mark.parametrize(
    ("predictions", "references", "words"),
    [
        ([], [], "no rows"),
        ([["a", "a"]], [["a"]], "comes twice in the ranking of query 0"),
        ([{"a": float("nan")}], [["a"]], "score of query 0 is missing"),
        ([["a"]], [{"a": None}], "relevance of query 0 is missing"),
        (["ab"], [["a"]], "predictions of query 0 are 'ab'"),
        ([{"a", "b"}], [["a"]], "best first"),
        ([["a"]], ["a"], "references of query 0 are 'a'"),
    ],
)
def test_what_cannot_be_judged_is_refused(predictions: Any, references: Any, words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute("ndcg", predictions=predictions, references=references)
    with pytest.raises(BadEvaluation, match="1 document or more"):
        compute("ndcg", predictions=[["a"]], references=[["a"]], k=0)
