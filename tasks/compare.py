"""Compare: which candidate is best by the headline score, and which others these rows cannot tell from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.candidates import Candidate
from tasks.metrics.comparison import holm, paired
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.score import Judgement, fitting, judged_rows, measure


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
        p_value: Of the paired test against the best, Holm-corrected; None for the best itself, and where
            the two were not judged on the same rows.
        difference: Its headline score minus the best's.
    """

    best: bool
    p_value: float | None = None
    difference: float | None = None

    @property
    def tied(self) -> bool:
        """Whether these rows cannot tell it from the best (at the 5% level)."""
        return not self.best and self.p_value is not None and self.p_value >= 0.05


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
        measured[position] = (measure(fitting(plan, judged)[0], judged), numbers)
    tested: dict[int, tuple[float, float]] = {}
    for position in range(len(outcomes)):
        if position == best or measured[position][1] != measured[best][1] or not settings.resamples:
            continue
        difference = paired(
            measured[position][0],
            measured[best][0],
            level=settings.level,
            resamples=settings.resamples,
            seed=settings.seed,
        )[key]
        tested[position] = (difference.value, difference.p_value)
    corrected: Mapping[int, float] = dict(
        zip(tested, holm([p_value for _, p_value in tested.values()]), strict=True)
    )
    return [
        Standing(position == best, corrected.get(position), tested.get(position, (None, None))[0])
        for position in range(len(outcomes))
    ]
