"""Labels of answers from elsewhere, which state none but those they use, matched to the dataset's by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks.elsewhere import answers
from tasks.elsewhere.answers import Reading
from tasks.errors import BadLabels
from tasks.inference.checkpoints import Checkpoint, labels
from tasks.plan import Plan
from tasks.types.contract import Alignment

if TYPE_CHECKING:
    import datasets

LABELLED = {"label": "label", "labels": "labels", "tags": "tags", "boxes": "labels"}
"""The field that holds labels, by the field that every answer has."""

_PROBLEMS = {
    "labels": "single_label_classification",
    "label_sets": "multi_label_classification",
    "numbers": "regression",
}


def said(judged_as: str, used: Sequence[str]) -> str:
    """Return what answers say of themselves, as a model's config would.

    >>> said("labels", ["no", "yes"])
    '{"problem_type": "single_label_classification", "id2label": {"0": "no", "1": "yes"}}'
    """
    return json.dumps({"problem_type": _PROBLEMS.get(judged_as), "id2label": dict(enumerate(used))})


def used(found: Reading, values: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the labels that answers use, in the order of their names; none where they hold none.

    Args:
        found: Which column holds which field.
        values: The columns.
    """
    field = LABELLED.get(found.answer, "")
    if field not in found.fields:
        return []
    kind, names = found.schema.field(field).type, set()
    for value in values[found.fields[field]]:
        try:
            made = answers.fitted(value, kind)
        except ValueError:
            continue
        names.update(made if isinstance(made, list) else [made])
    return sorted(label for label in names if label)


def align(
    plan: Plan,
    opened: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
    *,
    complete: bool = False,
) -> Alignment:
    """Match the labels that answers use to the dataset's.

    A label of the dataset that they never use is no mistake: nobody can tell whether it is known to them.

    Args:
        plan: The evaluation.
        opened: Its rows.
        checkpoint: What the answers say of themselves.
        overrides: The user's pairs.
        complete: Whether these are all labels there are, as where each has a probability.

    Raises:
        BadLabels: Some label maps to nothing while one of the dataset's is not used.
    """
    match = plan.kind.align_answers or plan.kind.align
    arguments = opened.features, plan.mapping.columns, opened
    try:
        return match(*arguments, checkpoint, overrides)
    except BadLabels as problem:
        if not problem.missing or complete:
            raise
        own = labels(checkpoint) if json.loads(checkpoint.said)["id2label"] else []
        alignment = match(*arguments, with_labels(checkpoint, [*own, *problem.missing]), overrides)
        if any(each not in alignment.to_dataset for each in own):
            # One of them may well be what the dataset calls otherwise.
            raise problem from None
        return alignment


def with_labels(checkpoint: Checkpoint, names: Iterable[str]) -> Checkpoint:
    """Return answers that say that they use other labels."""
    stated = {**json.loads(checkpoint.said), "id2label": dict(enumerate(names))}
    return replace(checkpoint, said=json.dumps(stated))
