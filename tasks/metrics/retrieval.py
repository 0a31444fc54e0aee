"""Retrieval: how well documents are ranked for queries; a row is a query.

Predictions of a query are its documents, best first, or a mapping from document to score (of equal scores the
document whose name sorts last comes first, as in trec_eval). References are the relevant documents, or a
mapping from document to relevance, where 0 and less is not relevant. A query without any relevant document
counts 0, as in trec_eval. Keys end in `_at_10` and so on by `k`; without `k` all ranked documents count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.means import mean_of_rows, share_of_rows
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray

Relevances = Mapping[Hashable, float]


def ndcg(
    predictions: Sequence[Any],
    references: Sequence[Any],
    k: int | None = 10,
    gain: Literal["linear", "exponential"] = "linear",
) -> Measurement:
    """Relevance of the ranked documents, later ones counting less, by the most there is, 0 to 1.

    Key: `ndcg_at_10` and so on. A document at rank i counts its gain by log2(i + 1). `gain: exponential` is
    2^relevance - 1, and goes into the key. Source: Järvelin and Kekäläinen (2002); Burges et al. (2005) for
    the exponential gain. Reference: trec_eval's ndcg_cut.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        worth = [each if gain == "linear" else 2**each - 1 for each in relevances.values()]
        best = _discounted(sorted(worth, reverse=True)[:k])
        got = _discounted([each if gain == "linear" else 2**each - 1 for each in found])
        return got / best if best else 0.0

    name = "ndcg" if gain == "linear" else "ndcg_exponential"
    return mean_of_rows(_key(name, k), _values(predictions, references, k, of_query))


def mrr(predictions: Sequence[Any], references: Sequence[Any], k: int | None = None) -> Measurement:
    """One by the rank of the first relevant document, averaged over queries, 0 to 1; 0 where there is none.

    Key: `mrr`, or `mrr_at_10` and so on by `k`. Source: Voorhees (1999). Reference: trec_eval's recip_rank.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        return next((1 / rank for rank, each in enumerate(found, start=1) if each > 0), 0.0)

    return mean_of_rows(_key("mrr", k), _values(predictions, references, k, of_query))


def recall_at_k(predictions: Sequence[Any], references: Sequence[Any], k: int | None = 10) -> Measurement:
    """Share of a query's relevant documents that are among the first k, averaged over queries, 0 to 1.

    Key: `recall_at_10` and so on. A query with more than k relevant documents cannot reach 1. Reference:
    trec_eval's recall.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        return sum(each > 0 for each in found) / len(relevances) if relevances else 0.0

    return mean_of_rows(_key("recall", k), _values(predictions, references, k, of_query))


def precision_at_k(predictions: Sequence[Any], references: Sequence[Any], k: int = 10) -> Measurement:
    """Share of the first k documents that are relevant, averaged over queries, 0 to 1.

    Key: `precision_at_10` and so on. It is of k also where fewer documents are ranked. Reference:
    trec_eval's P.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        return sum(each > 0 for each in found) / k

    return mean_of_rows(_key("precision", k), _values(predictions, references, k, of_query))


def hit_rate(predictions: Sequence[Any], references: Sequence[Any], k: int | None = 10) -> Measurement:
    """Share of queries with a relevant document among the first k, 0 to 1.

    Key: `hit_rate_at_10` and so on. Reference: trec_eval's success.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        return float(any(each > 0 for each in found))

    return share_of_rows(_key("hit_rate", k), _values(predictions, references, k, of_query) > 0)


def retrieval_map(predictions: Sequence[Any], references: Sequence[Any], k: int | None = None) -> Measurement:
    """Precision at the ranks of a query's relevant documents, averaged over them and over queries, 0 to 1.

    Key: `map`, or `map_at_10` and so on by `k`. A relevant document that is not ranked adds 0; the average is
    over all relevant documents also where they are more than `k`. Not the mean average precision of object
    detection. Reference: trec_eval's map and map_cut.
    """

    def of_query(found: Sequence[float], relevances: Relevances) -> float:
        hits = np.array(found) > 0
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        return float(precision[hits].sum()) / len(relevances) if relevances else 0.0

    return mean_of_rows(_key("map", k), _values(predictions, references, k, of_query))


def _key(name: str, k: int | None) -> str:
    # MLflow takes no "@" in the name of a metric.
    return name if k is None else f"{name}_at_{k}"


def _discounted(gains: Sequence[float]) -> float:
    return sum(each / math.log2(rank + 1) for rank, each in enumerate(gains, start=1))


def _values(
    predictions: Sequence[Any],
    references: Sequence[Any],
    k: int | None,
    of_query: Callable[[Sequence[float], Relevances], float],
) -> FloatArray:
    """Return the value of each query, from its first k documents and all that are relevant."""
    check_lengths(predictions, references)
    if k is not None and k < 1:
        raise BadEvaluation(f"A ranking is cut after 1 document or more, not {k}.")
    values = np.zeros(len(references))
    for query, (given, wanted) in enumerate(zip(predictions, references, strict=True)):
        relevances = _relevances(wanted, query)
        ranked = _ranked(given, query)
        found = [relevances.get(document, 0.0) for document in (ranked if k is None else ranked[:k])]
        values[query] = of_query(found, relevances)
    return values


def _relevances(wanted: Any, query: int) -> Relevances:
    if isinstance(wanted, str | bytes) or not hasattr(wanted, "__iter__"):
        raise BadEvaluation(
            f"The references of query {query} are {wanted!r}; they are relevant documents, or relevance by "
            "document."
        )
    if not isinstance(wanted, Mapping):
        return dict.fromkeys(wanted, 1.0)
    if any(value is None or not math.isfinite(value) for value in wanted.values()):
        raise BadEvaluation(f"A relevance of query {query} is missing, NaN or infinite.")
    return {document: float(value) for document, value in wanted.items() if value > 0}


def _ranked(given: Any, query: int) -> list[Any]:
    if isinstance(given, Mapping):
        if any(value is None or not math.isfinite(value) for value in given.values()):
            raise BadEvaluation(f"A score of query {query} is missing, NaN or infinite.")
        by_name = sorted(given, key=str, reverse=True)
        return sorted(by_name, key=lambda document: given[document], reverse=True)
    if isinstance(given, str | bytes | set | frozenset) or not hasattr(given, "__iter__"):
        raise BadEvaluation(
            f"The predictions of query {query} are {given!r}; they are documents, best first, or score by "
            "document."
        )
    ranked = list(given)
    if len(set(ranked)) < len(ranked):
        raise BadEvaluation(f"A document comes twice in the ranking of query {query}.")
    return ranked
