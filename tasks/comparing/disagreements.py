"""Disagreements: the rows on which models differ, those first where one is right and another is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.compare import Contender, Pairwise
from tasks.data.references import references
from tasks.errors import BadEvaluation
from tasks.load import open_rows
from tasks.metrics.effects import row_scores
from tasks.metrics.statistics import FloatArray
from tasks.plan import Plan
from tasks.types.contract import Judged
from tasks.types.nesting import read

MOST = 200
"""Rows shown unless asked otherwise."""


@dataclass(frozen=True)
class Disagreements:
    """Rows on which models differ.

    Attributes:
        count: How many there are.
        shown: The first of them, as records: the row's number, what the models saw, what is right, and what
            each of them said, under `model: field` where they say different things.
        told_by: What told that they differ, as a phrase.
    """

    count: int
    shown: tuple[Mapping[str, Any], ...]
    told_by: str


def disagreements(
    plan: Plan, contenders: Sequence[Contender], found: Pairwise, most: int = MOST
) -> Disagreements:
    """Find the rows on which models differ.

    Args:
        plan: What they are judged by.
        contenders: The models, with all that they answered.
        found: How they compare, on the rows that all of them answered.
        most: The most rows shown.

    Rows come first where the models' scores by the headline metric are furthest apart.
    """
    apart = _apart(found)
    differ = _differ(plan, found.judged)
    told_by = "the answers that are judged"
    if differ is None:
        told_by = "the headline score of a row"
        differ = apart > 0 if apart is not None else np.zeros(len(found.rows), dtype=bool)
    spread = apart if apart is not None else np.zeros(len(found.rows))
    places = np.flatnonzero(differ)
    first = places[np.argsort(-spread[places], kind="stable")][:most]
    return Disagreements(len(places), _shown(plan, contenders, found, first.tolist()), told_by)


def _apart(found: Pairwise) -> FloatArray | None:
    """Return how far apart the models' headline scores of each row are; None where rows have none."""
    try:
        scores = np.stack(
            [row_scores(measured[0], next(iter(measured[0].higher_is_better))) for measured in found.measured]
        )
    except BadEvaluation:
        return None
    known = np.isfinite(scores)
    highest = np.where(known, scores, -np.inf).max(0)
    lowest = np.where(known, scores, np.inf).min(0)
    return np.where(known.any(0), highest - lowest, 0.0)


def _differ(plan: Plan, judged: Sequence[Mapping[str, Judged]]) -> np.ndarray | None:
    """Tell of each row whether the models' answers differ; None where answers are numbers or pictures."""
    takes = plan.requested[0].metric.takes
    answers = [each.get(takes, next(iter(each.values()))).predictions for each in judged]
    if not all(isinstance(of_one, Sequence) and len(of_one) for of_one in answers):
        return None
    if not all(_worded(of_one[0]) for of_one in answers):
        return None
    first = answers[0]
    return np.array(
        [any(of_one[place] != first[place] for of_one in answers[1:]) for place in range(len(first))],
        dtype=bool,
    )


def _worded(answer: object) -> bool:
    """Tell whether an answer is made of words, so that two of them are the same or are not.

    >>> _worded("spam"), _worded(["O", "B-LOC"]), _worded(frozenset({"a"})), _worded(0.5)
    (True, True, True, False)
    """
    if isinstance(answer, str):
        return True
    if not isinstance(answer, list | tuple | set | frozenset):
        return False
    return all(isinstance(each, str) for each in answer)


def _shown(
    plan: Plan, contenders: Sequence[Contender], found: Pairwise, places: Sequence[int]
) -> tuple[Mapping[str, Any], ...]:
    """Return rows as records for people, what all models share once and what differs by model."""
    if not places:
        return ()
    kind, mapping, opened = plan.kind, plan.mapping, open_rows(plan.rows)
    rows = [found.rows[place] for place in places]
    given = {
        name: read(opened, mapping.columns[name], rows) for name in kind.inputs if name in mapping.columns
    }
    given |= references(opened, mapping, kind.references, rows)
    seen: list[list[dict[str, Any]]] = []
    for contender in contenders:
        at = {row: place for place, row in enumerate(contender.table["row"].to_pylist())}
        said = contender.table.take([at[row] for row in rows]).to_pylist()
        seen.append(
            [
                kind.sample(prediction, {name: given[name][place] for name in given}, contender.alignment)
                for place, prediction in enumerate(said)
            ]
        )
    titles = [contender.title for contender in contenders]
    alike = [
        name
        for name in seen[0][0]
        if all(
            name in of_one and _same(of_one[name], of_first[name])
            for each in seen
            for of_one, of_first in zip(each, seen[0], strict=True)
        )
    ]
    return tuple(
        {
            "row": row,
            **{name: seen[0][place][name] for name in alike},
            **{
                f"{title}: {name}": value
                for title, of_model in zip(titles, seen, strict=True)
                for name, value in of_model[place].items()
                if name not in alike
            },
        }
        for place, row in enumerate(rows)
    )


def _same(one: object, other: object) -> bool:
    return one is other or repr(one) == repr(other)
