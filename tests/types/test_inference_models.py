"""Zero-shot classification by models of inference, and masked models: equal to plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import sklearn.metrics
import torch

from tasks.errors import BadEvaluation, BadLabels, UnknownName
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, bert

INFERENCE = {"id2label": {0: "contradiction", 1: "neutral", 2: "ENTAILMENT"}}
TOPICS = ["late_train", "lost bag", "booking"]
RIGHT = ["late_train", "lost bag", "booking", "booking", "late_train"]


def logits(words: Any, model: Any, text: str, claim: str) -> torch.Tensor:
    with torch.inference_mode():
        encoded = words(text, claim, return_tensors="pt", truncation="only_first", max_length=64)
        return model(**encoded).logits[0]


def test_the_label_that_follows(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForSequenceClassification", **INFERENCE)
    texts = [*SENTENCES[:4], " ".join(SENTENCES * 4)]
    place = saved(tmp_path / "d", {"text": texts, "label": RIGHT}, label=datasets.ClassLabel(names=TOPICS))
    given: dict[str, Any] = {
        "task": "zero-shot-classification",
        "dataset": {"path": place},
        "models": [{"name": str(tmp_path / "m"), "labels": {"a bag that was lost": "lost bag"}}],
        "metrics": ["accuracy", "log_loss"],
        "settings": {"hypothesis_template": "it is about {} ."},
    }
    judgement, rows = judged(given)
    claims = ["late train", "a bag that was lost", "booking"]
    right, loss = 0, 0.0
    for text, label, row in zip(texts, RIGHT, rows, strict=True):
        follows = torch.stack([logits(words, model, text, f"it is about {each} .")[2] for each in claims])
        assert row["probabilities"] == pytest.approx(follows.softmax(0).tolist(), rel=1e-4)
        right += TOPICS[int(follows.argmax())] == label
        loss -= float(follows.log_softmax(0)[TOPICS.index(label)])
    assert judgement.scores["accuracy"].value == right / 5
    assert judgement.scores["log_loss"].value == pytest.approx(loss / 5, rel=1e-4)
    assert [row["truncated"] for row in rows] == [False] * 4 + [True]
    assert samples(given)["reference"] == RIGHT
    given["models"][0]["labels"] = {"x": "lost bags"}
    with pytest.raises(UnknownName, match="Did you mean 'lost bag'"):
        planned(given)


def test_several_labels_are_judged_each_by_itself(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForSequenceClassification", **INFERENCE)
    sets = [["booking"], [], ["late_train", "booking"], ["lost bag"], ["lost bag", "late_train"]]
    place = saved(tmp_path / "d", {"text": SENTENCES, "labels": sets})
    judgement, _ = judged(
        {
            "task": "zero-shot-classification",
            "dataset": {"path": place},
            "models": [str(tmp_path / "m")],
            "metrics": ["subset_accuracy", {"name": "multilabel_f1", "average": "micro"}],
        }
    )
    names = sorted(TOPICS)
    given = np.zeros((5, 3), dtype=bool)
    for row, text in enumerate(SENTENCES):
        for column, name in enumerate(names):
            found = logits(words, model, text, f"This example is {name.replace('_', ' ')}.")
            given[row, column] = float(found[[0, 2]].softmax(0)[1]) >= 0.5
    right = np.array([[name in row for name in names] for row in sets])
    wanted = sklearn.metrics.f1_score(right, given, average="micro", zero_division=0)
    assert judgement.scores["multilabel_f1_micro"].value == pytest.approx(wanted)
    assert judgement.scores["subset_accuracy"].value == (right == given).all(axis=1).mean()


def test_rows_may_bring_their_own_labels(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForSequenceClassification", **INFERENCE)
    own = [["a train", "a bag"], ["red", "blue", "green"], ["seats", "cards"], ["x", "y"], ["lift", "card"]]
    place = saved(
        tmp_path / "d",
        {"text": SENTENCES, "candidate_labels": own, "label": [row[0] for row in own]},
    )
    judgement, rows = judged(
        {
            "task": "zero-shot-classification",
            "dataset": {"path": place},
            "models": [str(tmp_path / "m")],
            "metrics": ["accuracy"],
        }
    )
    chosen = []
    for text, labels in zip(SENTENCES, own, strict=True):
        follows = [float(logits(words, model, text, f"This example is {each}.")[2]) for each in labels]
        chosen.append(labels[int(np.argmax(follows))])
    assert [row["label"] for row in rows] == chosen
    assert judgement.scores["accuracy"].value == np.mean(
        [one == row[0] for one, row in zip(chosen, own, strict=True)]
    )


def test_a_model_that_knows_no_inference_is_refused(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "m", "BertForSequenceClassification", num_labels=3)
    place = saved(tmp_path / "d", {"text": SENTENCES, "label": RIGHT})
    with pytest.raises(BadLabels, match=r"no label 'entailment'.* it has LABEL_0"):
        planned(
            {
                "task": "zero-shot-classification",
                "dataset": {"path": place},
                "models": [str(tmp_path / "m")],
            }
        )


def test_missing_words_are_found_among_the_likeliest(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForMaskedLM")
    texts = [text.replace(" the ", " [MASK] ", 1) for text in SENTENCES[:1] + SENTENCES[4:]]
    texts.append("the <mask> was late")
    ranked = []
    for text in texts:
        encoded = words(text.replace("<mask>", "[MASK]"), return_tensors="pt")
        with torch.inference_mode():
            found = model(**encoded).logits[0]
        place = encoded["input_ids"][0].tolist().index(words.mask_token_id)
        order = found[place].argsort(descending=True).tolist()
        ranked.append([words.decode([token]).strip() for token in order])
    answers = [ranked[0][0], ranked[1][3], ranked[2][150]]
    given: dict[str, Any] = {
        "task": "fill-mask",
        "dataset": {"path": saved(tmp_path / "d", {"text": texts, "obj_label": answers})},
        "models": [str(tmp_path / "m")],
    }
    judgement, rows = judged(given)
    assert [row["words"] for row in rows] == [row[:100] for row in ranked]
    assert judgement.scores["exact_match"].value == pytest.approx(1 / 3)
    assert judgement.scores["hit_rate_at_5"].value == pytest.approx(2 / 3)
    assert judgement.scores["mrr"].value == pytest.approx((1 + 1 / 4) / 3)
    assert samples(given)["right"] == [True, False, False]


def test_whole_texts_have_a_pseudo_perplexity(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForMaskedLM")
    given: dict[str, Any] = {
        "task": "fill-mask",
        "dataset": {"path": saved(tmp_path / "d", {"sentence": SENTENCES})},
        "columns": {"text": "sentence"},
        "models": [str(tmp_path / "m")],
    }
    judgement, _ = judged(given)
    totals, counts = [], []
    for text in SENTENCES:
        ids = words(text, return_tensors="pt")["input_ids"]
        total, count = 0.0, 0
        for place in range(1, ids.shape[1] - 1):
            masked = ids.clone()
            masked[0, place] = words.mask_token_id
            with torch.inference_mode():
                logs = model(masked).logits[0, place].log_softmax(-1)
            total, count = total + float(logs[ids[0, place]]), count + 1
        totals.append(total)
        counts.append(count)
    whole = np.exp(-sum(totals) / sum(counts))
    assert judgement.scores["model_perplexity"].value == pytest.approx(whole, rel=1e-4)
    mean = np.mean([np.exp(-total / count) for total, count in zip(totals, counts, strict=True)])
    assert judgement.scores["model_perplexity_mean"].value == pytest.approx(mean, rel=1e-4)
    assert len(samples(given)["perplexity"]) == 5
    with pytest.raises(BadEvaluation, match="'exact_match' judges texts"):
        planned({**given, "metrics": ["exact_match"]})


def test_texts_without_a_mask_are_told_apart_from_those_with_one(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "m", "BertForMaskedLM")
    place = saved(tmp_path / "d", {"text": ["a [MASK]", "a b"], "answer": ["b", "b"]})
    with pytest.raises(BadEvaluation, match="1 of 2 texts have a mask"):
        planned({"task": "fill-mask", "dataset": {"path": place}, "models": [str(tmp_path / "m")]})
