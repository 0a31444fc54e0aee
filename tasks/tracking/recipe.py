"""The record of a run: all that is needed to read it back, judge it again, or run it again.

It lies beside a run's other artifacts as `record.json`: what was asked for, of this one model; everything it
was pinned to; how labels were matched; and what its predictions were made by and on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.candidates import Candidate
from tasks.configs import parse
from tasks.errors import BadEvaluation
from tasks.load import head_rows
from tasks.metrics.contract import Score
from tasks.plan import Plan
from tasks.predict import PredictionsReference, made_by
from tasks.score import Judgement
from tasks.spec import Evaluation
from tasks.types.contract import Alignment

FILE = "record.json"
VERSION = 1
"""Raised when the record's layout changes."""


@dataclass(frozen=True)
class Record:
    """What a run says of itself.

    Attributes:
        evaluation: What was asked for, of this model alone, local paths absolute.
        rows: The rows' `fingerprint`, `revision`, `split`, `limit`, how many there are (`count`), and where
            they lie.
        columns: Canonical column -> dataset column, guessed ones included.
        judged_by: The metrics, each its `name` and `arguments`, defaults included.
        model: The model's `title`, `place`, `commit` and `form`, and whether it is `local`.
        alignment: How its labels correspond to the dataset's.
        options: The `device`, `dtype` and `engine` it ran with.
        pins: Everything that can change its predictions.
        predictions: The key of its predictions in the chunk store.
        made: The `machine` and the library `versions` its predictions were made on.
        scores: By score key, the headline first.
    """

    evaluation: Evaluation
    rows: Mapping[str, Any]
    columns: Mapping[str, str]
    judged_by: Sequence[Mapping[str, Any]]
    model: Mapping[str, str]
    alignment: Alignment
    options: Mapping[str, str]
    pins: Mapping[str, Any]
    predictions: str
    made: Mapping[str, Mapping[str, str]]
    scores: Mapping[str, Score]

    @property
    def title(self) -> str:
        """What the model is called."""
        return self.model["title"]

    def pinned(self) -> Evaluation:
        """Return the evaluation with everything that was chosen, guessed or resolved written down."""
        given = self.evaluation.model_dump(mode="json")
        given["dataset"] |= {"split": self.rows["split"], "limit": self.rows["limit"]}
        if self.rows["kind"] == "hub":
            given["dataset"]["revision"] = self.rows["revision"]
        given["columns"] = dict(self.columns)
        (model,) = given["models"]
        if self.model["commit"] and self.model["local"] == "no" and self.model["form"] != "function":
            model["revision"] = self.model["commit"]
        if self.options["dtype"] != "unknown":
            given["settings"]["dtype"] = self.options["dtype"]
        return parse(given)

    def moved(self, *, dataset: str | None = None, model: str | None = None) -> Record:
        """Return the record with a dataset or a model that lies elsewhere by now."""
        given = asdict(self) | {"evaluation": self.evaluation.model_dump(mode="json")}
        if dataset:
            given["evaluation"]["dataset"]["path"] = dataset
        if model:
            field = "predictions" if self.model["form"] == "predictions" else "name"
            given["evaluation"]["models"][0][field] = model
        return _parsed(given)


def written(
    plan: Plan, candidate: Candidate, predictions: PredictionsReference, judgement: Judgement
) -> dict[str, Any]:
    """Return the record of a run, as plain data."""
    rows, checkpoint = plan.rows, candidate.checkpoint
    made = predictions.store().noted("made") or made_by(candidate.options)
    return {
        "version": VERSION,
        "evaluation": asked(plan, candidate).model_dump(mode="json"),
        "rows": {
            "kind": rows.source.kind,
            "place": rows.source.place,
            "name": rows.name,
            "split": rows.split,
            "revision": rows.revision,
            "limit": rows.limit,
            "fingerprint": rows.fingerprint,
            "count": predictions.rows,
        },
        "columns": dict(plan.mapping.columns),
        "judged_by": judged_by(plan),
        "model": {
            "title": candidate.title,
            "place": checkpoint.place,
            "commit": checkpoint.commit,
            "local": "yes" if checkpoint.local else "no",
            "form": checkpoint.form,
        },
        "alignment": _plain_alignment(candidate.alignment),
        "options": {
            "device": candidate.options.device,
            "dtype": candidate.options.dtype,
            "engine": candidate.options.engine,
        },
        "pins": dict(candidate.pins),
        "predictions": candidate.key,
        "made": made,
        "scores": {
            key: {name: _spelt(value) for name, value in asdict(score).items()}
            for key, score in judgement.scores.items()
        },
    }


def asked(plan: Plan, candidate: Candidate) -> Evaluation:
    """Return what was asked for, of one model alone, local paths absolute."""
    evaluation, checkpoint = plan.evaluation, candidate.checkpoint
    given = evaluation.model_dump(mode="json")
    if plan.rows.source.kind != "hub":
        given["dataset"]["path"] = plan.rows.source.place
    model = (candidate.asked or evaluation.models[0]).model_dump(mode="json")
    if checkpoint.form == "predictions":
        model["predictions"] = checkpoint.place
    elif checkpoint.local and checkpoint.form != "function":
        model["name"] = checkpoint.place
    given["models"] = [model]
    return parse(given)


def judged_by(plan: Plan) -> list[dict[str, Any]]:
    """Return the metrics that judge an evaluation, by name: those asked for, or the defaults that apply."""
    kind = plan.kind
    gives = kind.judged_by
    if kind.gives is not None:
        gives = kind.gives(head_rows(plan.rows).features, plan.mapping.columns)
    asked_for = [each.model_dump(mode="json") for each in plan.evaluation.metrics] or [
        {"name": name, "arguments": dict(arguments)} for name, arguments in kind.metrics
    ]
    return [
        each
        for each, request in zip(asked_for, plan.requested, strict=True)
        if request.metric.takes in (*gives, "anything")
    ]


def read(given: Mapping[str, Any]) -> Record:
    """Return the record that plain data holds.

    Raises:
        BadEvaluation: It is of another version of Assay, or not whole.
    """
    if given.get("version") != VERSION:
        raise BadEvaluation(
            f"The run's record is of version {given.get('version')}, and this Assay reads version {VERSION}."
        )
    try:
        return _parsed({**given, "scores": {key: _score(each) for key, each in given["scores"].items()}})
    except (KeyError, TypeError) as error:
        raise BadEvaluation(f"The run's record is not whole: {error} is not as it should be.") from error


def _parsed(given: Mapping[str, Any]) -> Record:
    fields = {name: given[name] for name in Record.__dataclass_fields__}
    alignment = given["alignment"]
    return Record(
        **{
            **fields,
            "evaluation": parse(given["evaluation"]),
            "alignment": Alignment(
                dataset_labels=tuple(alignment["dataset_labels"]),
                to_dataset=dict(alignment["to_dataset"]),
                model_labels=tuple(alignment["model_labels"]),
                layout=alignment["layout"],
            ),
            "scores": {
                key: each if isinstance(each, Score) else Score(**each)
                for key, each in given["scores"].items()
            },
        }
    )


def _plain_alignment(alignment: Alignment) -> dict[str, Any]:
    return {
        "dataset_labels": list(alignment.dataset_labels),
        "to_dataset": dict(alignment.to_dataset),
        "model_labels": list(alignment.model_labels),
        "layout": alignment.layout,
    }


def _spelt(value: Any) -> Any:
    """Spell out a number that JSON has no word for."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _score(given: Mapping[str, Any]) -> Score:
    return Score(**{**given, "value": float(given["value"])})
