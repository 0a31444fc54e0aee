"""Candidates: each model of an evaluation with everything decided about it, before any is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tasks import catalogue, examples
from tasks.errors import BadEvaluation, listing
from tasks.inference import checkpoints, devices
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.chunks import key_of
from tasks.inference.predictor import Options
from tasks.load import head_rows, open_rows
from tasks.plan import Plan, check_metrics
from tasks.spec import Model, Settings
from tasks.types import task_type
from tasks.types.contract import Alignment
from tasks.types.nesting import parts

STORE_VERSION = 1
"""Raised when the layout of stored predictions changes."""


@dataclass(frozen=True)
class Candidate:
    """A model ready to be loaded and judged.

    Attributes:
        title: What it is called in tables: its name, and what sets it apart from its like.
        checkpoint: Which weights.
        options: How they are loaded and called.
        alignment: Which of its labels is which of the dataset's.
        pins: Everything that can change its predictions on the evaluation's rows.
        labels: Which of its labels is which of the dataset's, as far as the user said so.
    """

    title: str
    checkpoint: Checkpoint
    options: Options
    alignment: Alignment
    pins: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of its predictions in the chunk store."""
        return key_of(self.pins)


def decide(plan: Plan) -> list[Candidate]:
    """Resolve every model of an evaluation and check it against the dataset, without loading weights.

    Raises:
        UserError: A model is missing, gated or refused, the device is not there, or labels do not match.
    """
    evaluation, kind = plan.evaluation, plan.kind
    found = [
        checkpoints.resolve(
            model.name,
            model.revision,
            allow_pickle=evaluation.settings.allow_pickle,
            allow_remote_code=evaluation.settings.allow_remote_code,
        )
        for model in evaluation.models
    ]
    titles = _titles(evaluation.models, found)
    opened = head_rows(plan.rows)
    check_metrics(plan, opened.features)
    shown = examples.draw(plan)
    candidates = []
    for model, checkpoint, title in zip(evaluation.models, found, titles, strict=True):
        _check_form(plan, checkpoint)
        alignment = kind.align(opened.features, plan.mapping.columns, opened, checkpoint, model.labels)
        options = replace(_options(model, evaluation.settings), examples=shown)
        if "layout" in kind.preprocessing:
            options = replace(options, layout=alignment.layout)
        if "candidates" in kind.preprocessing:
            options = replace(options, candidates=alignment.model_labels)
        if "fields" in kind.preprocessing:
            options = replace(options, fields=tuple(parts(plan.mapping.columns["features"], opened.features)))
        pins = _pins(plan, checkpoint, options)
        candidates.append(Candidate(title, checkpoint, options, alignment, pins, model.labels))
    keys = Counter((candidate.key, str(candidate.alignment)) for candidate in candidates)
    for candidate in candidates:
        if keys[candidate.key, str(candidate.alignment)] > 1:
            raise BadEvaluation(f"Two of the models are the same: '{candidate.checkpoint.place}'.")
    return candidates


def realigned(plan: Plan, candidate: Candidate) -> Candidate:
    """Match labels once more where only a stream's first rows could be looked at before, now by all of them.

    Raises:
        BadLabels: Later rows have labels that map to nothing, or that are hidden.
    """
    if not plan.rows.streamed:
        return candidate
    opened = open_rows(plan.rows)
    alignment = plan.kind.align(
        opened.features, plan.mapping.columns, opened, candidate.checkpoint, candidate.labels
    )
    return replace(candidate, alignment=alignment)


def _check_form(plan: Plan, checkpoint: Checkpoint) -> None:
    kind = plan.kind
    if checkpoint.form == kind.form:
        return
    able = [name for name in catalogue.task_types() if task_type(name).form == checkpoint.form]
    raise BadEvaluation(
        f"The model '{checkpoint.name}' is one of {checkpoint.form}, and {kind.name} takes those of "
        f"{kind.form}; it can be: {listing(able)}."
    )


def _titles(models: list[Model], found: list[Checkpoint]) -> list[str]:
    """Name each model, adding precision or commit where the name alone does not tell two apart."""
    times = Counter(checkpoint.name for checkpoint in found)
    titles = []
    for model, checkpoint in zip(models, found, strict=True):
        marks = [mark for mark in (model.dtype, model.revision) if mark]
        if times[checkpoint.name] > 1 and not marks:
            marks = [checkpoint.commit[:7]]
        titles.append(f"{checkpoint.name} ({', '.join(marks)})" if marks else checkpoint.name)
    return titles


def _options(model: Model, settings: Settings) -> Options:
    device = devices.choose_device(settings.device)
    return Options(
        device=device,
        dtype=devices.choose_dtype(model.dtype or settings.dtype, device),
        max_tokens=settings.max_tokens,
        language=settings.language,
        allow_remote_code=settings.allow_remote_code,
        compile=settings.compile,
        attention=settings.attention,
        seed=settings.seed,
        overlap=settings.overlap,
        subwords=settings.subwords,
        threshold=settings.threshold,
        **settings.diffusion.model_dump(),
        hypothesis_template=settings.hypothesis_template,
        **{
            **settings.generation.model_dump(exclude={"examples", "examples_split", "extract"}),
            "stop": tuple(settings.generation.stop),
        },
    )


def _pins(plan: Plan, checkpoint: Checkpoint, options: Options) -> dict[str, Any]:
    kind, columns = plan.kind, plan.mapping.columns
    # Text that is not drawn depends on no seed; pictures are always drawn.
    idle = None if options.temperature or kind.form == "diffusers" else "seed"
    return {
        "store_version": STORE_VERSION,
        "task_type": kind.name,
        "task_type_version": kind.version,
        "model": "" if checkpoint.local else checkpoint.place,
        "model_commit": checkpoint.commit,
        "rows": plan.rows.fingerprint,
        "columns": {name: columns[name] for name in kind.inputs if name in columns},
        "dtype": options.dtype,
        "preprocessing": {name: getattr(options, name) for name in kind.preprocessing if name != idle},
    }
