"""An evaluation taken as far as its scores, so that tracking it can be tried again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient

from tasks import candidates, columns, compare, load, predict, report, score, track
from tasks.candidates import Candidate
from tasks.compare import Outcome
from tasks.plan import Plan, requests
from tasks.predict import PredictionsReference
from tasks.score import Judgement
from tasks.spec import Dataset, Evaluation, Metric, Model, Settings
from tasks.track import ParentRun
from tasks.tracking.ledger import Entry
from tasks.types import task_type


@dataclass(frozen=True)
class Judged:
    """A plan whose models have predicted and been scored."""

    plan: Plan
    found: list[Candidate]
    predictions: list[PredictionsReference]
    judgements: list[Judgement]
    origin: dict[str, str] = field(default_factory=dict)

    def begin(self) -> ParentRun:
        return track.begin(self.plan, self.found, self.origin)

    def record(self, parent: ParentRun, number: int) -> str:
        return track.record(
            parent,
            self.plan,
            self.found[number],
            self.predictions[number],
            self.judgements[number],
            self.origin,
        )

    def finish(self, parent: ParentRun, run_ids: list[str]) -> None:
        outcomes = [
            Outcome(*each)
            for each in zip(self.found, self.predictions, self.judgements, run_ids, strict=True)
        ]
        track.describe(parent, report.reports(self.plan, outcomes, compare.standings(self.plan, outcomes)))
        track.end(parent, "FINISHED")

    def track(self) -> ParentRun:
        """Track all of it, as the flow does."""
        parent = self.begin()
        self.finish(parent, [self.record(parent, number) for number in range(len(self.found))])
        return parent


def judged(
    demo: Path,
    *,
    limit: int = 60,
    split: str = "test",
    models: tuple[str, ...] = ("digits-vit-nano", "digits-resnet"),
) -> Judged:
    """Judge digits classifiers on a few rows."""
    evaluation = Evaluation(
        task="image-classification",
        dataset=Dataset(path=str(demo / "data" / "digits"), split=split, limit=limit),
        models=[Model(name=str(demo / "models" / name)) for name in models],
        columns={},
        metrics=[Metric(name="accuracy"), Metric(name="f1")],
        settings=Settings(resamples=200),
    )
    requested = requests(evaluation)
    rows = load.load(evaluation.dataset, evaluation.settings.seed)
    kind = task_type(evaluation.task)
    mapping = columns.map_columns(kind, load.head_rows(rows).features, {}, rows.name)
    plan = Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requested)
    found = candidates.decide(plan)
    predictions = [predict.predict(plan, each) for each in found]
    return Judged(
        plan,
        found,
        predictions,
        [score.score(plan, *each) for each in zip(found, predictions, strict=True)],
    )


def searched(store: MlflowClient) -> dict[str, Entry]:
    """Return the finished run of every model as MLflow's own client finds it."""
    found = store.search_runs(
        [each.experiment_id for each in store.search_experiments()],
        "tags.`assay.kind` = 'run' and attributes.status = 'FINISHED'",
    )
    return {
        run.info.run_id: Entry(
            run.info.run_id,
            str(run.info.experiment_id),
            int(run.info.start_time),
            run.data.tags,
            run.data.params,
            run.data.metrics,
        )
        for run in found
    }
