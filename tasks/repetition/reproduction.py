"""Reproduction: a finished run made again from its own record, and what came out otherwise."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from tasks import candidates, predict, score
from tasks.candidates import Candidate, store_of
from tasks.errors import BadEvaluation, NotFound, listing
from tasks.inference.chunks import key_of
from tasks.metrics.contract import Score
from tasks.plan import Plan
from tasks.predict import made_by
from tasks.tracking import finished
from tasks.tracking.finished import Recorded
from tasks.tracking.mlflow_store import TAG, client

FIRST = 10
"""Rows shown of those that came out otherwise."""
NOISE = 1e-4
"""Relative difference of numbers that batches of another composition come to, at most, in float32."""

Verdict = Literal["equal", "equal scores", "within rounding", "different"]


@dataclass(frozen=True)
class Changed:
    """A score that was found again.

    Attributes:
        old: As it was recorded.
        new: As it was found now.
    """

    old: float
    new: float

    @property
    def equal(self) -> bool:
        """Whether they are the same to the last bit; two that are not defined are."""
        return self.old == self.new or (math.isnan(self.old) and math.isnan(self.new))

    @property
    def near(self) -> bool:
        """Whether they differ no more than by rounding."""
        return self.equal or math.isclose(self.old, self.new, rel_tol=NOISE, abs_tol=1e-9)


@dataclass(frozen=True)
class Reproduction:
    """What came of making a run again.

    Attributes:
        run_id: The run.
        title: Its model.
        dataset: The dataset's name with its configuration.
        split: The split.
        rows: How many rows were predicted again.
        scores: By score key, as it was and as it is.
        differing: How many rows' predictions are not the same to the last bit.
        rounded: How many of them differ by rounding alone.
        shown: The first rows that differ, each with its `row`, and the fields that differ as they were and
            are.
        environment: What is otherwise than when the predictions were made, by name: as it was, and as it is.
    """

    run_id: str
    title: str
    dataset: str
    split: str
    rows: int
    scores: Mapping[str, Changed]
    differing: int
    rounded: int
    shown: tuple[Mapping[str, Any], ...]
    environment: Mapping[str, tuple[str, str]]

    @property
    def verdict(self) -> Verdict:
        """How near it came."""
        if all(each.equal for each in self.scores.values()):
            return "equal scores" if self.differing else "equal"
        near = all(each.near for each in self.scores.values()) and self.rounded == self.differing
        return "within rounding" if near else "different"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        rows = f"{self.differing} of {self.rows} predictions"
        return {
            "equal": f"Equal: every score and all {self.rows} predictions, to the last bit.",
            "equal scores": f"Equal scores, to the last bit; {rows} differ"
            f"{' by rounding alone' if self.rounded == self.differing else ''}.",
            "within rounding": f"Equal but for rounding; {rows} differ, in their last digits.",
            "different": f"Different: {listing(key for key, each in self.scores.items() if not each.equal)}"
            f"; {rows} differ.",
        }[self.verdict]


def reproduce(run: Recorded, advance: Callable[[int], None] = lambda rows: None) -> Reproduction:
    """Make a run again from its record: everything is predicted afresh, and nothing stored is touched.

    Args:
        run: The run.
        advance: Told of finished rows.

    Raises:
        NotFound: Its dataset, its model or its predictions are not there any more.
        BadEvaluation: Its dataset or its model is not what it was, or is a function.
    """
    kept = run.record
    if kept.model["form"] == "function":
        raise BadEvaluation(
            f"'{kept.title}' is a Python function, which no record can hold; call it again from Python."
        )
    plan = finished.plan(kept)
    candidate = _candidate(run, plan)
    # Predictions of its own: neither read from those that are stored, nor put among them.
    alone = replace(candidate, pins={**candidate.pins, "reproduction": uuid.uuid4().hex})
    before = finished.answers(run)
    try:
        predictions = predict.predict(plan, alone, advance)
        judgement = score.score(plan, candidates.realigned(plan, alone), predictions)
        now = predictions.table()
    finally:
        store_of(plan, alone).clear()
    differing, rounded, shown = _differing(before, now)
    return Reproduction(
        run.run_id,
        kept.title,
        plan.rows.name,
        plan.rows.split,
        len(now),
        _scores(kept.scores, judgement.scores),
        differing,
        rounded,
        shown,
        _environment(run, alone),
    )


def _candidate(run: Recorded, plan: Plan) -> Candidate:
    """Resolve the run's model again, and check that it is the same.

    Raises:
        NotFound: It is not where it was.
        BadEvaluation: Its content, or how it would be run here, is not what was recorded.
    """
    kept = run.record
    try:
        (candidate,) = candidates.decide(plan)
    except NotFound as error:
        hint = " If it lies elsewhere now, say where: --model PATH." if kept.model["local"] == "yes" else ""
        raise NotFound(f"{error}{hint}") from error
    if candidate.checkpoint.commit != kept.model["commit"]:
        raise BadEvaluation(
            f"The model '{candidate.checkpoint.place}' is not what was evaluated: its content's digest was "
            f"{kept.model['commit'][:12]} and is {candidate.checkpoint.commit[:12]}."
        )
    if key_of(candidate.pins) != kept.predictions:
        other = sorted(
            name
            for name in {*candidate.pins, *kept.pins}
            if key_of({name: candidate.pins.get(name)}) != key_of({name: kept.pins.get(name)})
        )
        raise BadEvaluation(
            f"'{kept.title}' cannot be predicted here as it was: this differs: "
            + listing(f"{name} was {kept.pins.get(name)} and is {candidate.pins.get(name)}" for name in other)
            + "."
        )
    return candidate


def _scores(old: Mapping[str, Score], new: Mapping[str, Score]) -> dict[str, Changed]:
    lacking = Score(math.nan, None, None, 0)
    return {key: Changed(old.get(key, lacking).value, new.get(key, lacking).value) for key in {**old, **new}}


def _environment(run: Recorded, candidate: Candidate) -> dict[str, tuple[str, str]]:
    """Return what is otherwise than when the predictions were made: libraries, machine, device, precision."""
    here = made_by(candidate.options)
    there = run.record.made
    found = {}
    for part in ("versions", "machine"):
        was, now = there.get(part, {}), here[part]
        for name in sorted({*was, *now}):
            # Predictions of another server are made on whatever it runs on.
            if was.get(name) != now.get(name):
                found[name] = (was.get(name, "unknown"), now.get(name, "unknown"))
    return found


def _differing(old: pa.Table, new: pa.Table) -> tuple[int, int, tuple[Mapping[str, Any], ...]]:
    """Count the rows that differ, and those of them that do by rounding alone, and show the first."""
    names = [name for name in new.column_names if name != "row"]
    differing = rounded = 0
    shown: list[dict[str, Any]] = []
    if old.equals(new):
        return 0, 0, ()
    for was, now in zip(old.to_pylist(), new.to_pylist(), strict=True):
        fields = [name for name in names if not _same(was[name], now[name])]
        if not fields:
            continue
        differing += 1
        rounded += all(_near(was[name], now[name]) for name in fields)
        if len(shown) < FIRST:
            shown.append(
                {"row": now["row"], **{name: {"was": was[name], "is": now[name]} for name in fields}}
            )
    return differing, rounded, tuple(shown)


def _same(one: Any, other: Any) -> bool:
    # Two numbers that are not defined are the same here.
    return bool(one == other) or repr(one) == repr(other)


def _near(one: Any, other: Any) -> bool:
    """Tell whether two values are the same but for the rounding of the numbers in them.

    >>> _near([0.5, 1.0], [0.5000001, 1.0]), _near("a", "b"), _near(0.5, 0.6)
    (True, False, False)
    """
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=NOISE, atol=1e-6, equal_nan=True))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_near, one, other))
    return bool(one == other)


def note(made: Reproduction) -> None:
    """Write on the run that it was made again, and how near that came."""
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    client().set_tag(made.run_id, f"{TAG}.reproduced", f"{when}: {made.sentence}"[:5000])


def as_json(made: Reproduction) -> dict[str, Any]:
    """Return a reproduction as the object that `--json` prints."""
    return {
        "mlflow_run_id": made.run_id,
        "model": made.title,
        "dataset": made.dataset,
        "split": made.split,
        "rows": made.rows,
        "verdict": made.verdict,
        "scores": {
            key: {"old": _number(each.old), "new": _number(each.new), "equal": each.equal}
            for key, each in made.scores.items()
        },
        "differing_rows": made.differing,
        "differing_by_rounding": made.rounded,
        "first_differing": [
            {name: json.loads(_written(each)) for name, each in row.items()} for row in made.shown
        ],
        "environment": {name: {"was": was, "is": now} for name, (was, now) in made.environment.items()},
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _written(value: Any) -> str:
    text = json.dumps(value, default=lambda _: "(binary)")
    return text.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null")
