"""Compare: which candidate is best by the headline score, and which others these rows cannot tell from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from tasks.candidates import Candidate
from tasks.metrics.between import differences
from tasks.metrics.comparison import Difference, holm
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.score import Judgement, fitting, groups, judged_rows, measure, measure_both


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
