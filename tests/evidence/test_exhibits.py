"""Which pictures a run has, by what was judged; and what happens where one cannot be drawn."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tasks.evidence.exhibits import EXHIBITS, Subject, drawn, pairs_of, score_of
from tasks.evidence.mistakes import token_errors
from tasks.evidence.overview import drawn as compared
from tasks.evidence.overview import matrices
from tasks.evidence.row_values import RowValues
from tasks.metrics import metric
from tasks.metrics.comparison import Difference
from tasks.metrics.contract import Score
from tasks.report import RunReport
from tasks.types.contract import Judged

ROWS = 60
RIGHT = ["cat", "dog", "bird"] * (ROWS // 3)
GIVEN = ["cat", "dog", "dog"] * (ROWS // 3)
LABELS = ["dog", "cat", "bird"]
MATRIX = np.random.default_rng(0).dirichlet(np.ones(3), ROWS)
SETS = [{"cat"}, {"cat", "dog"}, set()] * (ROWS // 3)
TAGS = [["O", "B-X", "I-X"], ["O"], ["B-Y"]] * (ROWS // 3)

JUDGED: dict[str, Mapping[str, Judged]] = {
    "one label": {"labels": Judged(GIVEN, RIGHT), "probabilities": Judged(MATRIX, RIGHT, {"labels": LABELS})},
    "sets of labels": {
        "label_sets": Judged(SETS, SETS[::-1], {"labels": LABELS}),
        "label_scores": Judged(MATRIX, SETS, {"labels": LABELS}),
    },
    "tags": {"tags": Judged(TAGS, TAGS)},
    "numbers": {"numbers": Judged(np.arange(float(ROWS)), np.arange(float(ROWS))[::-1])},
    "texts": {"texts": Judged(RIGHT, GIVEN)},
}
ALWAYS = {"score_distribution.png", "score_by_length.png"}
CURVES = {"roc_curve.png", "precision_recall.png"}
MATRICES = {"confusion_matrix.png", "confusion_matrix.html"}
WANTED = {
    "one label": {*ALWAYS, *CURVES, *MATRICES, "per_class.png", "reliability.png"},
    "sets of labels": {*ALWAYS, *CURVES, "per_class.png"},
    "tags": {*ALWAYS, *MATRICES, "per_class.png"},
    "numbers": {*ALWAYS, "predicted_by_right.png"},
    "texts": ALWAYS,
}


def subject(kind: str, **more: Any) -> Subject:
    """Return what would be known of a model judged by a kind of evidence."""
    measured = metric("exact_match").measure(GIVEN, RIGHT)
    values = RowValues("exact_match", np.tile([1.0, 1.0, 0.0], ROWS // 3), True, measured, "exact_match")
    details = {"per_type": [{"type": "X", "precision": 0.5, "recall": 0.25, "f1": 0.3, "support": 8}]}
    lengths = "words", np.arange(float(ROWS))
    return Subject("a model", JUDGED[kind], LABELS, details, values, lengths, **more)


@pytest.mark.parametrize("kind", JUDGED)
def test_what_was_judged_decides_which_pictures_there_are(kind: str) -> None:
    found = dict(drawn(subject(kind)))
    assert set(found) == WANTED[kind]
    for name, content in found.items():
        assert content.startswith(b"\x89PNG" if name.endswith(".png") else b"<!DOCTYPE html>")


def test_a_picture_that_fails_is_a_warning_and_the_others_are_there(caplog: pytest.LogCaptureFixture) -> None:
    broken = {**JUDGED["one label"], "probabilities": Judged(MATRIX[:5], RIGHT, {"labels": LABELS})}
    whole = subject("one label")
    with caplog.at_level(logging.WARNING, "assay.pictures"):
        found = dict(drawn(Subject(whole.title, broken, LABELS, values=whole.values, lengths=whole.lengths)))
    assert set(found) == {*MATRICES, "per_class.png", "score_by_length.png"}
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert all(name in " ".join(said) for name in (*CURVES, "reliability.png", "score_distribution.png"))


def test_every_exhibit_has_a_name_of_its_own() -> None:
    names = [name for name, _, _ in EXHIBITS]
    assert len(names) == len(set(names))
    assert {name.rpartition(".")[2] for name in names} == {"png", "html"}


def test_labels_are_in_the_datasets_order_and_words_outside_are_left_out() -> None:
    assert pairs_of(subject("one label"))[0] == LABELS
    names, matrix = pairs_of(subject("tags"))
    assert names == ["O", "B-X", "I-X", "B-Y"]
    assert matrix[0, 0] == 0
    assert matrix.sum() == np.diag(matrix).sum() == ROWS


def test_the_score_of_some_rows_is_that_of_the_metric_on_them() -> None:
    known = subject("texts").values
    assert known is not None
    rows = np.arange(0, ROWS, 3)
    assert score_of(known, rows).value == 1.0
    assert score_of(known, rows + 2).value == 0.0
    assert score_of(known, np.arange(ROWS)).value == pytest.approx(2 / 3)


def test_words_tagged_wrongly_are_counted() -> None:
    tags = Judged([["O", "X"], ["O", "Y"], ["O", "X"]], [["O", "O"], ["O", "Y"], ["O", "O"]])
    (only,) = token_errors(tags, [["a", "b"]] * 3)
    assert only == {"word": "b", "reference": "O", "prediction": "X", "times": 2, "occurs": 3}


def report(model: str, value: float, **more: Any) -> RunReport:
    scores = {"f1": Score(value, value - 0.1, value + 0.1, 50)}
    return RunReport(model, "d", "test", "t", "", 50, 0, 0, scores, rows_per_second=10.0, **more)


def test_an_evaluation_of_one_model_or_none_or_with_undefined_scores_has_its_pictures() -> None:
    wanted = ["forest.png", "pairwise.png", "quality_by_speed.png", "side_by_side.png"]
    assert [name for name, _ in compared([report("a", 0.5)])] == wanted
    two = [report("a", 0.5, best=True), report("b", float("nan"))]
    assert [name for name, _ in compared(two)] == wanted
    assert list(compared([])) == []


def test_pairs_fill_both_halves_of_the_matrix() -> None:
    pairs = {(0, 1): Difference(0.2, 0.1, 0.3, 0.01), (1, 2): Difference(-0.1, -0.3, 0.1, 0.5)}
    differences, p_values = matrices(3, pairs)
    assert differences[1, 0] == -0.2
    assert p_values[1, 0] == p_values[0, 1] == 0.01
    assert np.isnan(differences[0, 2])
    np.testing.assert_array_equal(differences, -differences.T)
