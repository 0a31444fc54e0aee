"""Extraction: the part of a written answer that is judged, found by a regular expression.

It is applied when scoring, so that another expression needs no model run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tasks.metrics.patterns import all_extracted
from tasks.types.contract import Judged


def applied(expression: str | None, judged: Mapping[str, Judged]) -> dict[str, Judged]:
    """Return what metrics take with an expression applied to its texts, given and right.

    Raises:
        BadEvaluation: The expression takes too long.
    """
    if expression is None or "texts" not in judged:
        return dict(judged)
    texts = judged["texts"]
    rows = [[each] if isinstance(each, str) else list(each) for each in texts.references]
    every = all_extracted(expression, [*texts.predictions, *(one for row in rows for one in row)])
    given, left = every[: len(texts.predictions)], iter(every[len(texts.predictions) :])
    right = [
        next(left) if isinstance(each, str) else [next(left) for _ in row]
        for each, row in zip(texts.references, rows, strict=True)
    ]
    return {**judged, "texts": replace(texts, predictions=given, references=right)}
