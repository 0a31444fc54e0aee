"""Arguments as HF evaluate's metrics have them: taken, translated, or refused with what to do instead."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import sklearn.metrics

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import METRICS, compare, compute
from tasks.metrics.arguments import FOREIGN

GIVEN, RIGHT = [0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
@pytest.mark.parametrize("positive", [0, 1])
def test_pos_label_is_what_it_is_in_hf(name: str, positive: int) -> None:
    reference = getattr(sklearn.metrics, f"{name}_score")(RIGHT, GIVEN, pos_label=positive)
    for arguments in ({}, {"average": "binary"}, {"average": "binary", "sample_weight": None}):
        ours = compute(name, predictions=GIVEN, references=RIGHT, pos_label=positive, **arguments)
        assert ours[f"{name}_binary"].value == pytest.approx(reference, abs=1e-12)
    macro = compute(name, predictions=GIVEN, references=RIGHT, pos_label=positive, average="macro")
    assert macro[f"{name}_macro"].value == pytest.approx(
        getattr(sklearn.metrics, f"{name}_score")(RIGHT, GIVEN, average="macro"), abs=1e-12
    )


def test_an_area_of_several_labels_is_asked_for_as_in_hf() -> None:
    right = [0, 1, 2, 2, 1, 0]
    given = [
        [0.5, 0.3, 0.2],
        [0.1, 0.7, 0.2],
        [0.3, 0.3, 0.4],
        [0.6, 0.2, 0.2],
        [0.2, 0.2, 0.6],
        [0.8, 0.1, 0.1],
    ]
    for average in ("macro", "weighted"):
        ours = compute(
            "roc_auc", prediction_scores=given, references=right, multi_class="ovr", average=average
        )
        theirs = sklearn.metrics.roc_auc_score(right, given, multi_class="ovr", average=average)
        assert ours[f"roc_auc_{average}"].value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        (
            "accuracy",
            {"normalize": False},
            "does not take normalize=False as HF evaluate's does: accuracy is",
        ),
        ("accuracy", {"sample_weight": [1] * 6}, "every row counts alike"),
        ("f1", {"labels": [0]}, "the labels that occur"),
        ("recall", {"zero_division": 1}, "nothing by nothing is 0"),
        ("mse", {"squared": False}, "its root is the metric 'rmse'"),
        ("pearsonr", {"return_pvalue": True}, "tasks.metrics.compare"),
    ],
)
def test_what_asks_for_another_number_is_refused(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadEvaluation, match=words):
        compute(name, predictions=GIVEN, references=RIGHT, **arguments)


def test_pairs_of_labels_and_single_rows_are_refused() -> None:
    with pytest.raises(BadEvaluation, match=r"each against the rest \(ovr\)"):
        compute("roc_auc", prediction_scores=[[0.1, 0.9]], references=[1], multi_class="ovo")
    with pytest.raises(BadEvaluation, match="give that row alone"):
        compute("rouge", predictions=["a"], references=["a"], use_aggregator=False)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("accuracy", {"normalize": True, "sample_weight": None}),
        ("f1", {"average": "micro", "labels": None}),
        ("mse", {"squared": True, "multioutput": "uniform_average"}),
        ("spearmanr", {"return_pvalue": False}),
    ],
)
def test_what_asks_for_the_same_number_changes_nothing(name: str, arguments: dict[str, Any]) -> None:
    assert compute(name, predictions=GIVEN, references=RIGHT, **arguments)


def test_texts_and_tags_take_hfs_arguments() -> None:
    texts = {"predictions": ["a cat sat there now", "hello"], "references": ["a cat sat here now", "hello"]}
    assert compute("rouge", **texts, use_aggregator=True, use_stemmer=True, rouge_types=["rouge1"])
    assert compute("wer", **texts, concatenate_texts=True)["wer"].value == pytest.approx(1 / 6)
    assert compute("bleu", predictions=texts["predictions"], references=[[a] for a in texts["references"]])
    assert compute("exact_match", **texts, ignore_case=True)["exact_match"].value == 0.5
    tags = [["B-X", "O"], ["O", "B-Y"]]
    assert compute("seqeval", predictions=tags, references=tags, mode="strict", scheme="IOB2")
    maps = [[[0, 1], [1, 255]]]
    assert compute("mean_iou", predictions=maps, references=maps, num_labels=2, ignore_index=255)


def test_a_value_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"macro, micro, weighted, binary\. Did you mean 'macro'"):
        compute("f1", predictions=GIVEN, references=RIGHT, average="makro")
    with pytest.raises(UnknownName, match="There is no argument of the metric 'f1' 'positiv'"):
        compute("f1", predictions=GIVEN, references=RIGHT, positiv=1)


def test_sources_go_with_each_model_when_rows_are_swapped() -> None:
    sources = ["about ninety five species are known", "the cat sat on the mat there"]
    one, other = ["about 95 species are known", "a cat sat there"], sources
    found = compare(
        "sari",
        predictions=one,
        others=other,
        references=[["about 95 species"], ["the cat sat"]],
        sources=sources,
        test="randomisation",
        resamples=50,
    )
    assert 0 < found["sari"].p_value <= 1


@pytest.mark.parametrize("name", FOREIGN)
def test_no_argument_is_both_ours_and_foreign(name: str) -> None:
    assert not set(FOREIGN[name]) & set(METRICS[name].arguments)
    for foreign in FOREIGN[name].values():
        if foreign.becomes is not None:
            assert set(foreign.becomes("x")) <= set(inspect.signature(METRICS[name].measure).parameters)
