"""Exhibits: which pictures fit which kind of evidence, and how each is made of it.

The table `EXHIBITS` says it all: a file's name, what must have been judged for it, and the function that
draws it. Every run of a task type has the same files, so that MLflow lays them side by side. Adding one is a
file in `tasks.pictures` and a line here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from tasks.evidence.row_values import RowValues
from tasks.metrics import confusion
from tasks.metrics.contract import Score
from tasks.metrics.intervals import scores as scores_of
from tasks.metrics.proportions import wilson
from tasks.metrics.statistics import FloatArray
from tasks.pictures.by_length import by_length, length_bins
from tasks.pictures.canvas import png
from tasks.pictures.class_bars import Bars, class_bars
from tasks.pictures.confusion_matrix import confusion_matrix
from tasks.pictures.curves import drawn_curves, precision_recall, roc
from tasks.pictures.distribution import distribution
from tasks.pictures.matrix_page import matrix_page
from tasks.pictures.predicted_by_right import predicted_by_right
from tasks.pictures.reliability import reliability
from tasks.types.contract import Judged

LOG = logging.getLogger("assay.pictures")
RESAMPLES = 200
"""Bootstrap samples of an interval that is drawn, not reported."""
OUTSIDE = "O"
Made = TypeVar("Made")


@dataclass(frozen=True)
class Subject:
    """What is known of one model's predictions.

    Attributes:
        title: The model's name.
        judged: What the metrics take.
        dataset_labels: The dataset's labels, in its order.
        details: Tables of per-class detail, by name.
        values: How well each row did; None where that is not known.
        lengths: What inputs are measured in, and how long each row's is; None where they have no length.
        level: Confidence level of the intervals.
    """

    title: str
    judged: Mapping[str, Judged]
    dataset_labels: Sequence[str] = ()
    details: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    values: RowValues | None = None
    lengths: tuple[str, FloatArray] | None = None
    level: float = 0.95


Draw = Callable[[Subject], bytes | None]


def attempted(name: str, make: Callable[[], Made | None]) -> Made | None:
    """Return what is made; None where that fails, with a warning: no run is lost for want of a picture."""
    try:
        return make()
    except Exception as error:
        LOG.warning("'%s' could not be made: %s: %s", name, type(error).__name__, error)
        return None


def drawn(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every picture that fits; one that fails is a warning."""
    for name, needs, draw in EXHIBITS:
        if needs != ANYTHING and not needs & set(subject.judged):
            continue
        if (content := attempted(name, partial(draw, subject))) is not None:
            yield name, content


def in_dataset_order(labels: Sequence[str], dataset_labels: Sequence[str]) -> list[int]:
    """Return the positions of labels in the dataset's order; labels it lacks come last.

    >>> in_dataset_order(["one", "other", "zero"], ["zero", "one"])
    [2, 0, 1]
    """
    place = {name: number for number, name in enumerate(dataset_labels)}
    return sorted(range(len(labels)), key=lambda each: place.get(labels[each], len(place)))


def pairs_of(subject: Subject) -> tuple[list[str], np.ndarray]:
    """Return labels in the dataset's order and the counts of right by predicted, shape (labels, labels).

    Of tags, words that are outside in both are left out: they are nearly all, and hide the rest.
    """
    if "labels" in subject.judged:
        judged = subject.judged["labels"]
        labels, matrix = confusion(judged.predictions, judged.references)
        order = in_dataset_order(labels, subject.dataset_labels)
    else:
        judged = subject.judged["tags"]
        given = [tag for row in judged.predictions for tag in row]
        right = [tag for row in judged.references for tag in row]
        labels, matrix = confusion(given, right)
        if OUTSIDE in labels:
            matrix = matrix.copy()
            matrix[labels.index(OUTSIDE), labels.index(OUTSIDE)] = 0
        order = sorted(range(len(labels)), key=lambda each: labels[each].partition("-")[::-1])
    return [str(labels[each]) for each in order], matrix[np.ix_(order, order)]


def _matrix(subject: Subject) -> bytes:
    return png(confusion_matrix(*pairs_of(subject), _matrix_title(subject)))


def _matrix_title(subject: Subject) -> str:
    return (
        subject.title if "labels" in subject.judged else f"{subject.title} · without words rightly {OUTSIDE}"
    )


def _matrix_page(subject: Subject) -> bytes:
    return matrix_page(*pairs_of(subject), _matrix_title(subject)).encode()


def _classes(subject: Subject) -> bytes | None:
    """Draw recall and precision of each label with Wilson's intervals, or what a metric says of it."""
    if "labels" in subject.judged:
        names, matrix = pairs_of(subject)
        return _bars(subject, names, np.diag(matrix), matrix.sum(1), matrix.sum(0))
    if "label_sets" in subject.judged:
        judged = subject.judged["label_sets"]
        names = [str(each) for each in judged.arguments["labels"]]
        place = {name: number for number, name in enumerate(names)}
        counts = np.zeros((3, len(names)), dtype=np.int64)
        for given, right in zip(judged.predictions, judged.references, strict=True):
            for number, labels in enumerate((given & right, right, given)):
                for label in labels:
                    counts[number, place[label]] += 1
        return _bars(subject, names, counts[0], counts[1], counts[2])
    return _detailed(subject)


def _bars(
    subject: Subject, names: Sequence[str], hits: np.ndarray, right: np.ndarray, given: np.ndarray
) -> bytes:
    scores = {
        "recall": _shares(hits, right, subject.level),
        "precision": _shares(hits, given, subject.level),
    }
    title = f"{subject.title} · {subject.level * 100:g}% intervals"
    return png(class_bars(names, scores, right.tolist(), title))


def _shares(hits: np.ndarray, of: np.ndarray, level: float) -> Bars:
    ends = [wilson(int(hit), int(n), level) if n else (None, None) for hit, n in zip(hits, of, strict=True)]
    values = [hit / n if n else float("nan") for hit, n in zip(hits, of, strict=True)]
    return Bars(values, [low for low, _ in ends], [high for _, high in ends])


DETAILED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "per_type": (("recall", "precision"), "support"),
    "per_tag": (("recall", "precision"), "support"),
    "per_class": (("map", "iou"), "objects"),
}
"""Of tables of detail: which columns are drawn, of those there are, and which one counts."""


def _detailed(subject: Subject) -> bytes | None:
    """Draw the first table of per-class detail that a metric left."""
    for table, (columns, counted) in DETAILED.items():
        rows = (subject.details or {}).get(table)
        if not rows:
            continue
        shown = [column for column in columns if column in rows[0]]
        if not shown:
            continue
        names = [str(next(iter(row.values()))) for row in rows]
        what = next((each for each in (counted, "pixels", "support") if each in rows[0]), "")
        support = [float(row[what]) if what else 0.0 for row in rows]
        scores = {}
        for column in shown:
            values = [float(row[column]) for row in rows]
            if column == "recall":
                scores[column] = _shares(
                    np.multiply(values, support).round(), np.array(support), subject.level
                )
            else:
                scores[column] = Bars(values)
        return png(class_bars(names, scores, support, subject.title, what))
    return None


def _per_label(subject: Subject) -> tuple[list[str], FloatArray, np.ndarray]:
    """Return labels, their scores, and which rows each is right for, both of shape (rows, labels)."""
    if "probabilities" in subject.judged:
        judged = subject.judged["probabilities"]
        names = [str(each) for each in judged.arguments["labels"]]
        right = np.asarray([str(each) for each in judged.references], dtype=object)
        hits = np.stack([right == name for name in names], axis=1)
    else:
        judged = subject.judged["label_scores"]
        names = [str(each) for each in judged.arguments["labels"]]
        hits = np.array([[name in row for name in names] for row in judged.references])
    return names, np.asarray(judged.predictions, dtype=np.float64), hits.astype(bool)


def _roc(subject: Subject) -> bytes:
    names, scores, hits = _per_label(subject)
    curves = {name: roc(scores[:, each], hits[:, each]) for each, name in enumerate(names)}
    return png(drawn_curves(curves, subject.title, "ROC"))


def _precision_recall(subject: Subject) -> bytes:
    names, scores, hits = _per_label(subject)
    curves = {name: precision_recall(scores[:, each], hits[:, each]) for each, name in enumerate(names)}
    return png(drawn_curves(curves, subject.title, "precision-recall"))


def confidence(subject: Subject) -> tuple[FloatArray, np.ndarray]:
    """Return how sure the model is of its label, and whether it is right, both shape (rows,)."""
    names, scores, _ = _per_label(subject)
    right = subject.judged["probabilities"].references
    best = scores.argmax(axis=1)
    hits = np.array([names[each] == str(label) for each, label in zip(best, right, strict=True)], dtype=bool)
    return scores.max(axis=1), hits


def _reliability(subject: Subject) -> bytes:
    return png(reliability(*confidence(subject), subject.title, subject.level))


def _distribution(subject: Subject) -> bytes | None:
    """Draw confidences of right and wrong rows, or how well rows did."""
    if "probabilities" in subject.judged:
        sure, hits = confidence(subject)
        kinds = {"right": sure[hits], "wrong": sure[~hits]}
        return png(distribution(kinds, "confidence in the predicted label", subject.title))
    values = subject.values
    if values is None or values.name == "right":
        return None
    return png(distribution({"rows": values.values}, f"{values.name} of a row", subject.title))


def _numbers(subject: Subject) -> bytes | None:
    judged = subject.judged["numbers"]
    given, right = (np.asarray(each, dtype=np.float64) for each in (judged.predictions, judged.references))
    return png(predicted_by_right(given.ravel(), right.ravel(), subject.title))


def _by_length(subject: Subject) -> bytes | None:
    """Draw the score of rows of similar length, by the same metric as of all rows."""
    values, measured = subject.values, subject.lengths
    if values is None or measured is None or values.measurement is None:
        return None
    unit, length = measured
    bins = length_bins(length)
    of_bins = [score_of(values, rows, subject.level) for rows in bins]
    spans = [(float(length[rows].min()), float(length[rows].max())) for rows in bins]
    return png(by_length(spans, of_bins, values.key, unit, subject.title))


def score_of(values: RowValues, rows: np.ndarray, level: float = 0.95) -> Score:
    """Return the score of some rows, with an interval."""
    assert values.measurement is not None
    some = replace(values.measurement, statistics=values.measurement.statistics.select(rows))
    with np.errstate(all="ignore"):
        return scores_of(some, level=level, resamples=some.affordable(RESAMPLES))[values.key]


ANYTHING: frozenset[str] = frozenset({"anything"})
LABELS = frozenset({"labels"})
PROBABILITIES = frozenset({"probabilities"})

EXHIBITS: tuple[tuple[str, frozenset[str], Draw], ...] = (
    ("confusion_matrix.png", LABELS | {"tags"}, _matrix),
    ("confusion_matrix.html", LABELS | {"tags"}, _matrix_page),
    ("per_class.png", LABELS | {"label_sets", "tags", "boxes", "maps"}, _classes),
    ("roc_curve.png", PROBABILITIES | {"label_scores"}, _roc),
    ("precision_recall.png", PROBABILITIES | {"label_scores"}, _precision_recall),
    ("reliability.png", PROBABILITIES, _reliability),
    ("predicted_by_right.png", frozenset({"numbers"}), _numbers),
    ("score_distribution.png", ANYTHING, _distribution),
    ("score_by_length.png", ANYTHING, _by_length),
)
"""File, what must have been judged for it (any of these), and how it is drawn."""
