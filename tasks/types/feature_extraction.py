"""Feature extraction, judged by retrieval: an encoder ranks the documents of each query by their vectors.

A row is a query with documents and their relevance, or with documents that fit and others that do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.errors import BadEvaluation
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import embedding
from tasks.types.contract import Alignment, Column, FeatureKind, Judged, Rows, TaskType
from tasks.types.nesting import read

if TYPE_CHECKING:
    import datasets

LISTS: frozenset[FeatureKind] = frozenset({"words"})
QUERY = Column(
    name="query",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("question", "anchor", "text", "title", "sentence"),
    help="what is looked for",
)
DOCUMENTS = Column(
    name="documents",
    role="input",
    accepts=LISTS,
    typical="words",
    aliases=("passages.passage_text", "passages", "docs", "candidates", "texts"),
    help="the texts to rank",
    required=False,
)
RELEVANCE = Column(
    name="relevance",
    role="reference",
    accepts=frozenset({"integers", "numbers"}),
    typical="integers",
    aliases=("relevances", "passages.is_selected", "is_selected", "labels", "scores", "label"),
    help="how relevant each of them is; 0 is not",
    required=False,
)
POSITIVES = Column(
    name="positives",
    role="input",
    accepts=LISTS,
    typical="words",
    aliases=("positive", "pos", "positive_passages.text"),
    help="the texts that fit, in place of documents",
    required=False,
)
NEGATIVES = Column(
    name="negatives",
    role="input",
    accepts=LISTS,
    typical="words",
    aliases=("negative", "neg", "negative_passages.text"),
    help="texts that do not",
    required=False,
)
PREDICTION = pa.schema([pa.field("scores", pa.list_(pa.float32())), pa.field("positives", pa.int32())])


class Ranker(embedding.Encoder):
    """An encoder that compares a query with documents."""

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Tokenise queries and documents; a row costs the tokens of them all."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        documents = documents_of(row)
        if not documents:
            raise ValueError("there are no documents to rank")
        query = self.tokens([row["query"]], self.sentence.prompt("query", "question"))
        found = self.tokens(documents, self.sentence.prompt("document", "passage", "corpus"))
        texts = [*query, *found]
        cost = float(sum(len(each["input_ids"]) for each in texts))
        return Item((texts, len(row.get("positives") or [])), cost)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Compare the queries of a batch with their documents."""
        vectors = self.vectors([text for item in items for text in item.features[0]])
        found, place = [], 0
        for item in items:
            stop = place + len(item.features[0])
            likeness = self.likeness(vectors[place : place + 1], vectors[place + 1 : stop])
            found.append({"scores": likeness.tolist(), "positives": item.features[1]})
            place = stop
        return lambda: found


def documents_of(row: Mapping[str, Any]) -> list[str]:
    """Return the documents of a row, those that fit first where they are given apart.

    >>> documents_of({"positives": ["a"], "negatives": ["b"]}), documents_of({"documents": ["c"]})
    (['a', 'b'], ['c'])
    """
    apart = [*(row.get("positives") or []), *(row.get("negatives") or [])]
    return list(row.get("documents") or apart)


def open_ranker(checkpoint: Checkpoint, options: Options) -> Ranker:
    """Load an encoder."""
    return Ranker(checkpoint, options)


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See that there are documents, something to judge their ranking by, and how the model pools.

    Raises:
        BadEvaluation: There are none, or a row has more documents than relevances, or fewer.
    """
    check_documents(features, columns, rows, checkpoint, overrides)
    return embedding.align(features, columns, rows, checkpoint, overrides)


def check_documents(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """See that there are documents, and something to judge their ranking by.

    Raises:
        BadEvaluation: There are none, or a row has more documents than relevances, or fewer.
    """
    listed = {"documents", "relevance"} <= set(columns)
    if not listed and not {"positives", "negatives"} <= set(columns):
        raise BadEvaluation(
            "Retrieval needs the columns documents and relevance, or positives and negatives; name them in "
            f"the column mapping, of: {', '.join(features)}."
        )
    if listed:
        pairs = zip(read(rows, columns["documents"]), read(rows, columns["relevance"]), strict=True)
        uneven = next((row for row, (one, other) in enumerate(pairs) if len(one) != len(other)), None)
        if uneven is not None:
            raise BadEvaluation(f"Row {uneven} has not one relevance for each of its documents.")
    return Alignment()


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return each query's documents, by number, with their scores and their relevance."""
    given = [dict(enumerate(scores)) for scores in predictions["scores"]]
    if "relevance" in references:
        right = [{number: float(each) for number, each in enumerate(row)} for row in references["relevance"]]
    else:
        right = [dict.fromkeys(range(count), 1.0) for count in predictions["positives"]]
    return {"rankings": Judged(given, right)}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the query, a most relevant document, the one ranked first, and the rank of the former."""
    documents = documents_of(row)
    scores = list(prediction["scores"])
    relevance = row.get("relevance") or [number < prediction["positives"] for number in range(len(scores))]
    best = max(range(len(scores)), key=lambda number: float(relevance[number]))
    first = max(range(len(scores)), key=lambda number: scores[number])
    return {
        "query": row["query"],
        "reference": documents[best],
        "prediction": documents[first],
        "rank": 1 + sum(score > scores[best] for score in scores),
        "documents": len(documents),
    }


FEATURE_EXTRACTION = TaskType(
    name="feature-extraction",
    version=1,
    summary="How well an encoder's vectors rank the documents of a query.",
    columns=(QUERY, DOCUMENTS, RELEVANCE, POSITIVES, NEGATIVES),
    prediction=PREDICTION,
    metrics=(("ndcg", {"k": 10}), ("mrr", {}), ("recall_at_k", {"k": 10})),
    batch_cost=8192,
    cost_unit="tokens",
    preprocessing=("max_tokens",),
    align=align,
    open=open_ranker,
    evidence=evidence,
    judged_by=("rankings",),
    sample=sample,
    answers={"rankings": "scores"},
    align_answers=check_documents,
)
