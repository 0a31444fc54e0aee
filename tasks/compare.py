"""Compare: which candidate is best by the headline score, which others these rows cannot tell from it, and
every pair of them by every score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from tasks.candidates import Candidate
from tasks.errors import BadEvaluation
from tasks.metrics.between import differences
from tasks.metrics.comparison import Difference, holm
from tasks.metrics.contract import Measurement, Score
from tasks.metrics.intervals import scores as scores_of
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.score import Judgement, fitting, groups, judged_rows, judged_table, measure, measure_both
from tasks.types.contract import Alignment, Judged


@dataclass(frozen=True)
class Outcome:
    """What became of one candidate: its predictions, its scores, and the MLflow run that holds them."""

    candidate: Candidate
    predictions: PredictionsReference
    judgement: Judgement
    run_id: str


@dataclass(frozen=True)
class Standing:
    """A candidate's place among those of its evaluation.

    Attributes:
        best: Whether it has the best headline score; one that is alone is not the best of anything.
        difference: Its headline score minus the best's, with interval, effect size, the smallest difference
            these rows could show, and a Holm-corrected p-value; None for the best itself, and where the two
            were not judged on the same rows.
    """

    best: bool
    difference: Difference | None = None

    @property
    def tied(self) -> bool:
        """Whether these rows cannot tell it from the best (at the 5% level)."""
        return self.difference is not None and self.difference.p_value >= 0.05


def headline(judgement: Judgement) -> str:
    """Return the score key that a candidate is ranked by: the first of the metrics asked for."""
    return next(iter(judgement.scores))


def best_of(judgements: Sequence[Judgement]) -> int:
    """Return the position of the best candidate; the first of equals."""
    key = headline(judgements[0])
    sign = 1.0 if judgements[0].scores[key].higher_is_better else -1.0
    values = [sign * judgement.scores[key].value for judgement in judgements]
    comparable = [value if value == value else float("-inf") for value in values]
    return comparable.index(max(comparable))


def standings(plan: Plan, outcomes: Sequence[Outcome]) -> list[Standing]:
    """Test every candidate against the best on the rows both were judged on, from stored predictions."""
    judgements = [outcome.judgement for outcome in outcomes]
    settings = plan.evaluation.settings
    best = best_of(judgements)
    if len(outcomes) == 1:
        return [Standing(best=False)]
    key = headline(judgements[0])
    measured = {}
    for position, outcome in enumerate(outcomes):
        judged, numbers = judged_rows(plan, outcome.candidate, outcome.predictions)
        measured[position] = (judged, measure(fitting(plan, judged)[0], judged), numbers)
    of_best, best_measured, rows = measured[best]
    belonging = groups(plan, rows)
    tested: dict[int, Difference] = {}
    for position, (judged, measurement, numbers) in measured.items():
        if position == best or numbers != rows or not settings.resamples:
            continue
        tested[position] = differences(
            measurement,
            best_measured,
            partial(measure_both, fitting(plan, judged)[0], judged, of_best),
            test=settings.test,
            level=settings.level,
            resamples=settings.resamples,
            seed=settings.seed,
            groups=belonging,
        )[key]
    corrected = holm([each.p_value for each in tested.values()])
    for position, p_value in zip(tested, corrected, strict=True):
        tested[position] = replace(tested[position], p_value=p_value)
    return [Standing(position == best, tested.get(position)) for position in range(len(outcomes))]


@dataclass(frozen=True)
class Contender:
    """One model's predictions, to be compared with others' on the rows that all of them answered.

    Attributes:
        title: What the model is called.
        alignment: How its labels correspond to the dataset's.
        table: Its predictions as they are stored, of all rows or some, in rising order of `row`.
        plan: Its own plan where it is not judged as the others are: another pattern may find the answer in
            what it wrote. Its rows are those of the others.
    """

    title: str
    alignment: Alignment
    table: pa.Table
    plan: Plan | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Contender:
        """Return what became of a candidate as one that can be compared."""
        candidate = outcome.candidate
        return cls(candidate.title, candidate.alignment, outcome.predictions.table())


@dataclass(frozen=True)
class Pair:
    """Two models by one score: the first's minus the second's.

    Attributes:
        one: The first one's position.
        other: The second one's position.
        score: The score's key.
        difference: Tested, its p-value Holm-corrected over all pairs by this score.
    """

    one: int
    other: int
    score: str
    difference: Difference

    @property
    def significant(self) -> bool:
        """Whether these rows tell the two apart (at the 5% level)."""
        return self.difference.p_value < 0.05


@dataclass(frozen=True)
class Pairwise:
    """Several models judged on the same rows, and every two of them compared.

    Attributes:
        titles: What the models are called.
        rows: The numbers of the rows that all of them answered, in rising order.
        scores: Of each model, its scores on those rows, with intervals.
        judged: Of each model, what the metrics took of those rows.
        measured: Of each model, what the metrics made of it, in the order of the metrics.
        pairs: Every two models by every score, the headline's first.
    """

    titles: tuple[str, ...]
    rows: Sequence[int]
    scores: tuple[Mapping[str, Score], ...]
    judged: tuple[Mapping[str, Judged], ...]
    measured: tuple[Sequence[Measurement], ...]
    pairs: tuple[Pair, ...]


def answered_by_all(contenders: Sequence[Contender]) -> list[Contender]:
    """Return contenders narrowed to the rows that each of them answered.

    Raises:
        BadEvaluation: There is no such row.
    """
    answered = [each.table.filter(pc.is_null(each.table["error"])) for each in contenders]
    shared = set(answered[0]["row"].to_pylist())
    for table in answered[1:]:
        shared &= set(table["row"].to_pylist())
    if not shared:
        raise BadEvaluation("These models were judged on no row in common.")
    rows = pa.array(sorted(shared), pa.int64())
    return [
        replace(each, table=table.filter(pc.is_in(table["row"], rows)))
        for each, table in zip(contenders, answered, strict=True)
    ]


def pairwise(plan: Plan, contenders: Sequence[Contender], *, headline_only: bool = False) -> Pairwise:
    """Judge models on the rows that all of them answered, and test every two of them by every score.

    Args:
        plan: What they are judged by, on which rows.
        contenders: The models.
        headline_only: Whether the first metric is enough.

    Raises:
        BadEvaluation: There is no row that all of them answered.
    """
    settings = plan.evaluation.settings
    alike = answered_by_all(contenders)
    judged = [judged_table(each.plan or plan, each.alignment, each.table) for each in alike]
    rows = judged[0][1]
    belonging = groups(plan, rows)
    requested = fitting(plan, judged[0][0])[: 1 if headline_only else None]
    measured = [[measure(request, evidence) for request in requested] for evidence, _ in judged]
    pairs: list[Pair] = []
    for place, request in enumerate(requested if settings.resamples else []):
        by_key: dict[str, list[Pair]] = {}
        for one, other in combinations(range(len(alike)), 2):
            found = differences(
                measured[one][place],
                measured[other][place],
                partial(measure_both, request, judged[one][0], judged[other][0]),
                # A test that fits the headline's rows need not fit another score's.
                test=settings.test if not place else "bootstrap",
                level=settings.level,
                resamples=settings.resamples,
                seed=settings.seed,
                groups=belonging,
            )
            for key, difference in found.items():
                by_key.setdefault(key, []).append(Pair(one, other, key, difference))
        for of_a_score in by_key.values():
            corrected = holm([pair.difference.p_value for pair in of_a_score])
            pairs += [
                replace(pair, difference=replace(pair.difference, p_value=p_value))
                for pair, p_value in zip(of_a_score, corrected, strict=True)
            ]
    return Pairwise(
        tuple(each.title for each in alike),
        rows,
        tuple(_scores(plan, of_a_model, belonging) for of_a_model in measured),
        tuple(evidence for evidence, _ in judged),
        tuple(measured),
        tuple(pairs),
    )


MOST_PAIRED = 12
"""Models beyond which not every two of an evaluation are tested."""


def headline_pairs(plan: Plan, outcomes: Sequence[Outcome]) -> dict[tuple[int, int], Difference] | None:
    """Test every two models of an evaluation by its headline score, by their positions.

    Returns:
        None where there is nothing to add to their differences from the best, or it would cost too much:
        fewer than three models or more than twelve, or a metric that runs a model of its own.
    """
    judges = plan.requested[0].metric
    if not 3 <= len(outcomes) <= MOST_PAIRED or judges.check is not None:
        return None
    found = pairwise(plan, [Contender.of(each) for each in outcomes], headline_only=True)
    key = headline(outcomes[0].judgement)
    return {(pair.one, pair.other): pair.difference for pair in found.pairs if pair.score == key}


def _scores(
    plan: Plan, measured: Sequence[Measurement], belonging: Sequence[object] | None
) -> dict[str, Score]:
    settings = plan.evaluation.settings
    found: dict[str, Score] = {}
    for measurement in measured:
        found |= scores_of(
            measurement,
            level=settings.level,
            resamples=settings.resamples,
            seed=settings.seed,
            method=settings.intervals,
            groups=belonging,
        )
    return found
