"""Examples: solved rows of another split, shown to a model before each prompt (few-shot)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tasks import load
from tasks.data.references import references
from tasks.errors import BadEvaluation, UnknownName
from tasks.load import RowsReference
from tasks.plan import Plan
from tasks.types.nesting import read

USUAL_SPLITS = ("train", "dev", "validation")


def draw(plan: Plan) -> tuple[Mapping[str, Any], ...]:
    """Return as many solved rows as the settings ask for, by canonical column: the same for every prompt.

    Raises:
        UnknownName: There is no such split.
        BadEvaluation: The split is the one evaluated, so that answers would be shown; it has too few rows;
            or models of this kind are shown none.
    """
    settings = plan.evaluation.settings
    wanted = settings.generation.examples
    if not wanted:
        return ()
    if "examples" not in plan.kind.preprocessing:
        raise BadEvaluation(f"Models for {plan.kind.name} are shown no examples; leave them out.")
    rows = load.open_rows(_split(plan, settings.generation.examples_split))
    if len(rows) < wanted:
        raise BadEvaluation(f"{wanted} examples are asked for, and there are {len(rows)} rows to draw from.")
    numbers = random.Random(settings.seed).sample(range(len(rows)), wanted)
    columns = plan.mapping.columns
    found = {name: read(rows, columns[name], numbers) for name in plan.kind.inputs if name in columns}
    found |= references(rows, plan.mapping, plan.kind.references, numbers)
    return tuple({name: found[name][place] for name in found} for place in range(wanted))


def _split(plan: Plan, asked: str | None) -> RowsReference:
    """Find the split to draw from: the one asked for, or the first usual one that is not evaluated."""
    here = plan.rows.split.partition("[")[0]
    if asked is not None and asked.partition("[")[0] == here:
        raise BadEvaluation(
            f"The examples would come from '{here}', the split that is evaluated, and show its answers; set "
            "settings.generation.examples_split to another."
        )
    dataset = plan.evaluation.dataset
    tried: Exception | None = None
    for split in [asked] if asked else [each for each in USUAL_SPLITS if each != here]:
        try:
            chosen = dataset.model_copy(update={"split": split, "limit": None, "streaming": False})
            return load.load(chosen, plan.evaluation.settings.seed)
        except UnknownName as problem:
            tried = problem
    raise tried or BadEvaluation("There is no split to draw examples from.")
