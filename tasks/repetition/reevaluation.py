"""Re-evaluation: a model's new scores against its last ones, on the rows that are still the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tasks import candidates, load
from tasks.columns import map_columns
from tasks.compare import pairwise
from tasks.data import shared_rows
from tasks.data.row_digests import keep, matched
from tasks.errors import BadEvaluation, UserError
from tasks.metrics.comparison import Difference, holm
from tasks.plan import Plan, requests
from tasks.repetition import carried
from tasks.repetition.changes import Looked
from tasks.spec import Evaluation
from tasks.tracking import finished, history
from tasks.tracking.finished import Recorded
from tasks.types import task_type

Class = Literal["improved", "same", "regressed"]


@dataclass(frozen=True)
class Verdict:
    """One score, now and at the last evaluation.

    Attributes:
        score: The score's key.
        old: The last model's, on the rows that are still the same.
        new: This model's, on the same rows.
        difference: New minus old, tested; its p-value Holm-corrected over the scores of the model.
        verdict: Regressed or improved where the difference is significant and beyond the margin.
    """

    score: str
    old: float
    new: float
    difference: Difference
    verdict: Class


@dataclass(frozen=True)
class Reevaluated:
    """What became of one model of a re-evaluation.

    Attributes:
        model: What it is called.
        changed: What is otherwise than at the last evaluation, as phrases; none where nothing is.
        run_id: The MLflow run of its scores: a new one, or the last where nothing changed.
        previous_run_id: The MLflow run it is compared with; empty where there is none.
        history_run_id: The MLflow run of its scores over time; empty where nothing changed.
        rows: How many rows there are; 0 where nothing changed.
        predicted: How many of them a model ran for.
        compared: On how many rows it is compared with the last evaluation.
        verdicts: Each score against the last one.
        notes: What could not be done, as sentences.
    """

    model: str
    changed: tuple[str, ...]
    run_id: str
    previous_run_id: str = ""
    history_run_id: str = ""
    rows: int = 0
    predicted: int = 0
    compared: int = 0
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Verdict, ...]:
        """The scores that got worse."""
        return tuple(each for each in self.verdicts if each.verdict == "regressed")


@dataclass(frozen=True)
class Reevaluation:
    """What a re-evaluation found.

    Attributes:
        task: The task type.
        dataset: The dataset as it was asked for.
        split: The split, as far as it was asked for.
        models: What became of each model.
        alpha: The level below which a p-value counts.
        margin: The difference that does not matter, in the score's own units.
    """

    task: str
    dataset: str
    split: str
    models: tuple[Reevaluated, ...]
    alpha: float
    margin: float

    @property
    def changed(self) -> bool:
        """Whether anything was otherwise than at the last evaluation."""
        return any(each.changed for each in self.models)

    @property
    def regressed(self) -> tuple[Reevaluated, ...]:
        """The models that got worse by some score."""
        return tuple(each for each in self.models if each.regressions)


def unchanged(looked: Looked) -> Reevaluated:
    """Return what there is to say of a model of which nothing changed."""
    assert looked.last is not None
    return Reevaluated(looked.name, (), looked.last.run_id, looked.last.run_id)


def carry(evaluation: Evaluation, looked: Sequence[Looked]) -> int:
    """Copy what is still right of the last predictions to the new version of the dataset; return the rows.

    Raises:
        UserError: The evaluation as written cannot run.
    """
    requested = requests(evaluation)
    rows = load.load(evaluation.dataset, evaluation.settings.seed)
    if rows.streamed:
        return 0
    features = load.head_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requested)
    total = 0
    for candidate, each in zip(candidates.decide(plan), looked, strict=True):
        before = _before(each)
        if before is not None:
            total += carried.carry_over(plan, candidate, before)
    return total


def _before(looked: Looked) -> Recorded | None:
    """Return the last evaluation's run; None where there is none, or it was deleted since."""
    if looked.last is None:
        return None
    try:
        return finished.one(looked.last.run_id)
    except UserError:
        return None


def judge(looked: Looked, run_id: str, *, reused: int, alpha: float, margin: float) -> Reevaluated:
    """Compare a model's new run with its last one, on the rows that are still the same.

    Args:
        looked: What was found before it ran.
        run_id: The new run; empty where MLflow does not answer.
        reused: How many of its rows' predictions were there already.
        alpha: The level below which a p-value counts.
        margin: The difference that does not matter, in the score's own units.
    """
    if not run_id:
        note = "MLflow does not answer: the scores are kept, and sent when it does; compare them then."
        return Reevaluated(looked.name, looked.changed, "", notes=(note,))
    now, before = finished.one(run_id), _before(looked)
    plan = finished.plan(now.record)
    rows = int(now.record.rows["count"])
    found = Reevaluated(
        looked.name,
        looked.changed,
        run_id,
        before.run_id if before else "",
        rows=rows,
        predicted=rows - reused,
    )
    if not plan.rows.streamed:
        keep(carried.predictions_of(now, plan), plan)
    if before is None:
        if looked.last is None:
            return found
        note = f"The last evaluation's run, {looked.last.run_id[:8]}, is not in MLflow any more."
        return replace(found, notes=(note,))
    places = _same_rows(plan, now, before)
    if places is None:
        note = "Which rows are still the same cannot be told: those of the last evaluation are gone."
        return replace(found, notes=(note,))
    old = finished.contender(before)
    old = replace(old, table=shared_rows.renumbered(old.table, places))
    try:
        both = pairwise(plan, [finished.contender(now), old])
    except BadEvaluation as error:
        return replace(found, notes=(str(error),))
    verdicts = classified(
        {pair.score: pair.difference for pair in both.pairs},
        {key: (both.scores[1][key].value, both.scores[0][key].value) for key in both.scores[0]},
        {key: score.higher_is_better for key, score in both.scores[0].items()},
        alpha=alpha,
        margin=margin,
    )
    return replace(found, compared=len(both.rows), verdicts=verdicts)


def _same_rows(plan: Plan, now: Recorded, before: Recorded) -> dict[int, int] | None:
    """Return the new number of each old row that is still there; None where it cannot be told."""
    if now.record.rows["fingerprint"] == before.record.rows["fingerprint"]:
        return {row: row for row in range(int(now.record.rows["count"]))}
    old = None if plan.rows.streamed else carried.digests_of(before, plan)
    if old is None:
        return None
    new = carried.digests_of(now, plan)
    assert new is not None
    return {row_before: row for row, row_before in matched(old.whole, new.whole).items()}


def classified(
    differences: Mapping[str, Difference],
    values: Mapping[str, tuple[float, float]],
    higher_is_better: Mapping[str, bool],
    *,
    alpha: float,
    margin: float,
) -> tuple[Verdict, ...]:
    """Class each score as improved, same, or regressed.

    Args:
        differences: By score key, new minus old.
        values: By score key, old and new.
        higher_is_better: By score key, the direction.
        alpha: The level below which a Holm-corrected p-value counts.
        margin: The difference that does not matter.

    >>> worse = Difference(-0.1, -0.15, -0.05, 0.001)
    >>> scores = {"accuracy": worse, "wer": worse}
    >>> both = {"accuracy": (0.9, 0.8), "wer": (0.3, 0.2)}
    >>> up = {"accuracy": True, "wer": False}
    >>> [each.verdict for each in classified(scores, both, up, alpha=0.05, margin=0.0)]
    ['regressed', 'improved']
    >>> [each.verdict for each in classified(scores, both, up, alpha=0.05, margin=0.2)]
    ['same', 'same']
    """
    corrected = holm([each.p_value for each in differences.values()])
    found = []
    for (key, difference), p_value in zip(differences.items(), corrected, strict=True):
        better = difference.value if higher_is_better[key] else -difference.value
        told = p_value < alpha and abs(difference.value) > margin
        verdict: Class = "same" if not told else "improved" if better > 0 else "regressed"
        old, new = values[key]
        found.append(Verdict(key, old, new, replace(difference, p_value=p_value), verdict))
    return tuple(found)


def remember(looked: Looked, judged: Reevaluated) -> Reevaluated:
    """Add a run to the history of its model, and return what is known with the history's run."""
    if not judged.run_id:
        return judged
    record = finished.one(judged.run_id).record
    tags = {
        "task": record.evaluation.task,
        "dataset": str(record.rows["name"]),
        "split": str(record.rows["split"]),
        "model": record.title,
    }
    scores = {key: score.value for key, score in record.scores.items()}
    added = history.add(looked.identity, looked.state, judged.run_id, tags, scores)
    return replace(judged, history_run_id=added)
