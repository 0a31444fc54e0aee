"""Overview: the pictures of a whole evaluation: which model to take, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.evidence.exhibits import attempted
from tasks.metrics.comparison import Difference
from tasks.metrics.contract import Score
from tasks.pictures.canvas import png
from tasks.pictures.forest import forest, ranked
from tasks.pictures.pairwise import pairwise
from tasks.pictures.quality_by_speed import quality_by_speed
from tasks.pictures.side_by_side import side_by_side
from tasks.report import RunReport, mark, score_keys

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pairs = Mapping[tuple[int, int], Difference]
"""By the positions of two models: the first one's score minus the second's."""


def drawn(reports: Sequence[RunReport], pairs: Pairs | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every picture of an evaluation; one that fails is a warning.

    Args:
        reports: What was found of each model.
        pairs: Every two models compared; left out, what each report says of its difference from the best.
    """
    if not reports:
        return
    first = reports[0]
    title = f"{first.task} · {first.dataset} ({first.split}, {first.rows} rows)"
    key = next(iter(first.scores))
    scores = [report.scores.get(key, Score(float("nan"), None, None, 0)) for report in reports]
    names = [report.model for report in reports]
    order = ranked(scores)
    every = {each: [reports[at].scores.get(each) for at in order] for each in score_keys(reports)}
    differences, p_values = matrices(len(reports), pairs if pairs is not None else _against_best(reports))
    chosen = np.ix_(order, order)
    pictures: Mapping[str, Callable[[], Figure]] = {
        "forest.png": lambda: forest(names, [mark(each) for each in reports], scores, key, title),
        "pairwise.png": lambda: pairwise(
            [names[at] for at in order], differences[chosen], p_values[chosen], key, title,
            higher_is_better=scores[0].higher_is_better,
        ),
        "quality_by_speed.png": lambda: quality_by_speed(
            names, scores, [each.rows_per_second for each in reports], key, title
        ),
        "side_by_side.png": lambda: side_by_side([names[at] for at in order], every, title),
    }  # fmt: skip
    for name, draw in pictures.items():
        if (figure := attempted(name, draw)) is not None:
            yield name, png(figure)


def _against_best(reports: Sequence[RunReport]) -> Pairs:
    best = next((number for number, report in enumerate(reports) if report.best), None)
    if best is None:
        return {}
    return {
        (number, best): report.difference
        for number, report in enumerate(reports)
        if report.difference is not None
    }


def matrices(models: int, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return differences, row minus column, and p-values, both of shape (models, models).

    >>> matrices(2, {(0, 1): Difference(-0.1, -0.2, 0.0, 0.04)})[0].tolist()
    [[nan, -0.1], [0.1, nan]]
    """
    differences, p_values = np.full((models, models), np.nan), np.ones((models, models))
    for (one, other), found in pairs.items():
        differences[one, other], differences[other, one] = found.value, -found.value
        p_values[one, other] = p_values[other, one] = found.p_value
    return differences, p_values
