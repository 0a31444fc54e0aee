"""Text classifiers of several labels a row, and of a number: equal to plain loops, mistakes refused early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch

from tasks.errors import BadEvaluation, BadLabels
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, bert

NAMES = ["joy", "anger", "fear"]
SETS = [["joy"], ["fear", "anger"], [], ["anger"], ["joy", "fear"]]
SEVERAL = {"problem_type": "multi_label_classification", "id2label": dict(enumerate(NAMES))}


def probabilities(words: Any, model: Any) -> np.ndarray:
    rows = []
    for text in SENTENCES:
        with torch.inference_mode():
            rows.append(model(**words(text, return_tensors="pt")).logits[0].sigmoid().numpy())
    return np.stack(rows)


@pytest.mark.parametrize("layout", ["labels", "words", "indicators"])
def test_several_labels(demo: Path, tmp_path: Path, layout: str) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForSequenceClassification", **SEVERAL)
    order = ["anger", "fear", "joy"]
    columns = {"text": "text", "label": "labels"}
    if layout == "indicators":
        marks = {name: [int(name in row) for row in SETS] for name in order}
        place = saved(tmp_path / "d", {"text": SENTENCES, **marks})
        columns["label"] = "anger, fear, joy"
    else:
        inner = datasets.ClassLabel(names=order) if layout == "labels" else datasets.Value("string")
        data = datasets.Dataset.from_dict(
            {"text": SENTENCES, "labels": SETS},
            features=datasets.Features({"text": datasets.Value("string"), "labels": datasets.List(inner)}),
        )
        data.save_to_disk(tmp_path / "d")
        place = str(tmp_path / "d")
    given: dict[str, Any] = {
        "task": "text-classification",
        "dataset": {"path": place},
        "columns": columns,
        "models": [str(tmp_path / "m")],
        "settings": {"threshold": 0.4},
    }
    judgement, rows = judged(given)
    found = probabilities(words, model)
    assert np.allclose([row["probabilities"] for row in rows], found, atol=1e-5)
    given_marks = (found >= 0.4)[:, [NAMES.index(name) for name in order]]
    right = np.array([[name in row for name in order] for row in SETS])
    assert 0 < given_marks.sum() < given_marks.size
    for average in ("macro", "micro"):
        wanted = sklearn.metrics.f1_score(right, given_marks, average=average, zero_division=0)
        assert judgement.scores[f"multilabel_f1_{average}"].value == pytest.approx(wanted)
    wanted = sklearn.metrics.accuracy_score(right, given_marks)
    assert judgement.scores["subset_accuracy"].value == pytest.approx(wanted)
    assert "accuracy" not in judgement.scores
    assert samples(given)["reference"][1] == "anger, fear"
    ranked, _ = judged({**given, "metrics": ["label_ranking_average_precision"]})
    assert ranked.scores["label_ranking_average_precision"].value == pytest.approx(
        sklearn.metrics.label_ranking_average_precision_score(
            right, found[:, [NAMES.index(name) for name in order]]
        )
    )
    with pytest.raises(BadEvaluation, match=r"'accuracy' judges labels, and with .* label_sets"):
        planned({**given, "metrics": ["accuracy"]})


def test_a_number(demo: Path, tmp_path: Path) -> None:
    words, model = bert(demo, tmp_path / "m", "BertForSequenceClassification", num_labels=1)
    right = [0.5, 4.8, 2.0, 3.25, 1.0]
    place = saved(tmp_path / "d", {"sentence1": SENTENCES, "sentence2": SENTENCES[::-1], "label": right})
    given: dict[str, Any] = {
        "task": "text-classification",
        "dataset": {"path": place},
        "models": [str(tmp_path / "m")],
    }
    judgement, rows = judged(given)
    wanted = []
    for one, other in zip(SENTENCES, SENTENCES[::-1], strict=True):
        with torch.inference_mode():
            wanted.append(float(model(**words(one, other, return_tensors="pt")).logits[0, 0]))
    assert [row["score"] for row in rows] == pytest.approx(wanted, rel=1e-4)
    assert set(judgement.scores) == {"spearmanr", "pearsonr", "mse"}
    spearman = scipy.stats.spearmanr(wanted, right).statistic
    assert judgement.scores["spearmanr"].value == pytest.approx(spearman)
    assert judgement.scores["pearsonr"].value == pytest.approx(np.corrcoef(wanted, right)[0, 1], rel=1e-4)
    errors = np.square(np.array(wanted) - right)
    assert judgement.scores["mse"].value == pytest.approx(errors.mean(), rel=1e-4)
    assert samples(given)["reference"] == right


def test_models_and_datasets_that_disagree_are_refused(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "one", "BertForSequenceClassification", id2label=dict(enumerate(NAMES)))
    bert(demo, tmp_path / "number", "BertForSequenceClassification", num_labels=1)
    sets = saved(tmp_path / "sets", {"text": SENTENCES, "labels": SETS})
    labels = saved(tmp_path / "labels", {"text": SENTENCES, "label": ["joy", "fear", "joy", "anger", "joy"]})
    numbers = saved(tmp_path / "numbers", {"text": SENTENCES, "label": [1.5, 2, 3, 4, 5]})
    hidden = saved(tmp_path / "hidden", {"text": SENTENCES, "label": [-1.0] * 5})
    for place, model, words in (
        (sets, "one", "its problem_type is not multi_label_classification"),
        (labels, "number", "gives a number, and 'label' holds labels"),
        (numbers, "one", r"gives labels \(joy, anger, fear\), and 'label' holds numbers"),
        (hidden, "number", "numbers of this split are hidden"),
    ):
        given = {"task": "text-classification", "dataset": {"path": place}}
        with pytest.raises(BadLabels, match=words):
            planned({**given, "models": [str(tmp_path / model)]})
