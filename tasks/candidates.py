"""Candidates: each model of an evaluation with everything decided about it, before any is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks import catalogue, engines, home
from tasks.data import examples
from tasks.elsewhere import functions, prediction_files
from tasks.elsewhere.functions import Function
from tasks.errors import BadEvaluation, listing
from tasks.fleet import cluster, sharing
from tasks.inference import checkpoints, devices, endpoints, storage
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.chunks import ChunkStore, key_of
from tasks.inference.endpoints import Endpoint, Price
from tasks.inference.engine import stored_schema
from tasks.inference.predictor import Options
from tasks.inference.segments import gaps, predicted, read_all
from tasks.load import count_of, head_rows, open_rows
from tasks.plan import Plan, check_metrics
from tasks.spec import Model, Settings
from tasks.types import task_type
from tasks.types.contract import Alignment
from tasks.types.nesting import parts

if TYPE_CHECKING:
    import datasets

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
        asked: What was asked for.
        function: The function that stands for a model, where one does.
    """

    title: str
    checkpoint: Checkpoint
    options: Options
    alignment: Alignment
    pins: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    asked: Model | None = None
    function: Function | None = None

    @property
    def key(self) -> str:
        """The key of its predictions in the chunk store."""
        return key_of(self.pins)


def store_of(plan: Plan, candidate: Candidate) -> ChunkStore:
    """Open the prediction set of a candidate in the chunk store."""
    return ChunkStore(home.chunk_store(), candidate.key, stored_schema(plan.kind.prediction))


def decide(plan: Plan) -> list[Candidate]:
    """Resolve every model of an evaluation and check it against the dataset, without loading weights.

    Raises:
        UserError: A model is missing, gated or refused, the device is not there, labels do not match, the
            engine cannot run it, its endpoint does not answer or does not have it, the chunk store cannot be
            written to, or the Ray cluster is not there.
    """
    sharing.check(plan.evaluation.settings, streamed=plan.rows.streamed)
    storage.check(home.chunk_store())
    with cluster.held(plan.evaluation.settings, streamed=plan.rows.streamed):
        return _decided(plan)


def _decided(plan: Plan) -> list[Candidate]:
    evaluation, kind = plan.evaluation, plan.kind
    chosen = [engines.choose(kind, model, evaluation.settings) for model in evaluation.models]
    found = [_found(plan, model) for model in evaluation.models]
    for checkpoint, engine in zip(found, chosen, strict=True):
        engines.check_form(checkpoint, engine)
    titles = _titles(evaluation.models, found)
    opened = head_rows(plan.rows)
    check_metrics(plan, opened.features)
    shown = examples.draw(plan)
    candidates = []
    for model, checkpoint, title, engine in zip(evaluation.models, found, titles, chosen, strict=True):
        _check_form(plan, checkpoint)
        alignment = _aligned(plan, opened, checkpoint, model)
        options = replace(_options(model, evaluation.settings, engine), examples=shown)
        if "layout" in kind.preprocessing:
            options = replace(options, layout=alignment.layout)
        if "candidates" in kind.preprocessing:
            options = replace(options, candidates=alignment.model_labels)
        if "fields" in kind.preprocessing:
            options = replace(options, fields=tuple(parts(plan.mapping.columns["features"], opened.features)))
        engines.check_machine(options)
        noted = replace(alignment, notes=(*alignment.notes, *_notes(checkpoint, options)))
        pins = _pins(plan, checkpoint, options)
        candidates.append(
            Candidate(title, checkpoint, options, noted, pins, model.labels, model, model.function)
        )
    keys = Counter((candidate.key, str(candidate.alignment)) for candidate in candidates)
    for candidate in candidates:
        if keys[candidate.key, str(candidate.alignment)] > 1:
            raise BadEvaluation(f"Two of the models are the same: '{candidate.checkpoint.place}'.")
    for candidate in candidates:
        # An endpoint whose answers are all stored need not be there any more.
        if candidate.checkpoint.endpoint and not _stored(plan, candidate):
            endpoints.check(candidate.checkpoint.endpoint)
    return candidates


def realigned(plan: Plan, candidate: Candidate) -> Candidate:
    """Match labels once more where only a stream's first rows could be looked at before, now by all of them.

    So are a function's, of which nothing was known before it had run.

    Raises:
        BadLabels: Later rows have labels that map to nothing, or that are hidden.
    """
    if candidate.function is not None:
        opened = open_rows(plan.rows)
        said = read_all(store_of(plan, candidate), len(opened))
        found = functions.align(plan, opened, candidate.checkpoint, candidate.function, said)
        return replace(candidate, alignment=found)
    if not plan.rows.streamed:
        return candidate
    opened = open_rows(plan.rows)
    alignment = plan.kind.align(
        opened.features, plan.mapping.columns, opened, candidate.checkpoint, candidate.labels
    )
    notes = (*alignment.notes, *_notes(candidate.checkpoint, candidate.options))
    return replace(candidate, alignment=replace(alignment, notes=notes))


def _aligned(plan: Plan, opened: datasets.Dataset, checkpoint: Checkpoint, model: Model) -> Alignment:
    if model.function is not None:
        return functions.align(plan, opened, checkpoint, model.function)
    if checkpoint.form == "predictions":
        alignment = prediction_files.align(plan, opened, checkpoint, model.labels)
        prediction_files.check_metrics(plan, checkpoint, alignment)
        return alignment
    return plan.kind.align(opened.features, plan.mapping.columns, opened, checkpoint, model.labels)


def _found(plan: Plan, model: Model) -> Checkpoint:
    settings = plan.evaluation.settings
    if model.function is not None:
        return functions.resolve(plan, model.function)
    if model.predictions:
        return prediction_files.resolve(plan, model)
    if model.endpoint is None:
        return checkpoints.resolve(
            model.name,
            model.revision,
            allow_pickle=settings.allow_pickle,
            allow_remote_code=settings.allow_remote_code,
        )
    price = Price(model.price.input, model.price.output) if model.price else None
    return checkpoints.behind(
        Endpoint(
            address=model.endpoint.rstrip("/"),
            model=model.name,
            key_name=model.api_key_env,
            concurrency=model.concurrency,
            timeout=model.timeout,
            price=price,
        )
    )


def _stored(plan: Plan, candidate: Candidate) -> bool:
    """Tell whether nothing is left to be predicted."""
    count = count_of(plan.rows)
    there = predicted(store_of(plan, candidate).stored(), count)
    return plan.evaluation.settings.reuse and not gaps(there, count)


def _notes(checkpoint: Checkpoint, options: Options) -> list[str]:
    if checkpoint.endpoint is None:
        return []
    notes = [
        f"'{checkpoint.name}' runs behind {checkpoint.endpoint.address}, where it may change under the same "
        "name: its scores are those of the day, and cannot be pinned to a commit."
    ]
    if options.max_tokens:
        notes.append(
            f"Prompts to '{checkpoint.name}' are not cut to max_tokens: its endpoint counts the tokens."
        )
    return notes


def _check_form(plan: Plan, checkpoint: Checkpoint) -> None:
    kind = plan.kind
    # What is converted for another engine is still a model of transformers'; its engine was checked.
    form = "transformers" if checkpoint.form == "ctranslate2" else checkpoint.form
    if checkpoint.endpoint or form in {kind.form, "predictions", "function"}:
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
            there = checkpoint.endpoint
            marks = [urlsplit(there.address).netloc if there else checkpoint.commit[:7]]
        titles.append(f"{checkpoint.name} ({', '.join(marks)})" if marks else checkpoint.name)
    return titles


def _options(model: Model, settings: Settings, engine: str) -> Options:
    asked = model.dtype or settings.dtype
    if engine == engines.PYTHON:
        return Options(device="cpu", dtype="unknown", **_manner(settings, engine))
    if engine in {"endpoint", engines.FILE}:
        return Options(device=engine, dtype="unknown", **_manner(settings, engine))
    if settings.ray:
        device, dtype = cluster.precision(settings.ray, settings.device, asked)
    else:
        device = devices.choose_device(settings.device)
        dtype = devices.choose_dtype(asked, device)
    return Options(device=device, dtype=dtype, **_manner(settings, engine))


def _manner(settings: Settings, engine: str) -> dict[str, Any]:
    return {
        "engine": engine,
        "max_tokens": settings.max_tokens,
        "language": settings.language,
        "allow_remote_code": settings.allow_remote_code,
        "compile": settings.compile,
        "attention": settings.attention,
        "seed": settings.seed,
        "overlap": settings.overlap,
        "subwords": settings.subwords,
        "threshold": settings.threshold,
        "hypothesis_template": settings.hypothesis_template,
        **settings.diffusion.model_dump(),
        **settings.generation.model_dump(exclude={"examples", "examples_split", "extract"}),
        "stop": tuple(settings.generation.stop),
    }


def _pins(plan: Plan, checkpoint: Checkpoint, options: Options) -> dict[str, Any]:
    kind, columns = plan.kind, plan.mapping.columns
    more: dict[str, Any] = {} if options.engine == "transformers" else {"engine": options.engine}
    if options.engine == engines.PYTHON:
        read = {name: columns[name] for name in kind.inputs if name in columns}
        version = {"version": functions.VERSION}
        return {**_rows_pins(plan, checkpoint), "columns": read, "preprocessing": version, **more}
    if options.engine == engines.FILE:
        return {
            **_rows_pins(plan, checkpoint),
            "columns": {},
            "dtype": options.dtype,
            "preprocessing": prediction_files.pins(plan, checkpoint),
            **more,
        }
    if kind.generates and options.temperature and "seed" not in kind.preprocessing:
        more["seed"] = options.seed
    # Text that is not drawn depends on no seed; pictures are always drawn.
    idle = None if options.temperature or kind.form == "diffusers" else "seed"
    return {
        **_rows_pins(plan, checkpoint),
        "columns": {name: columns[name] for name in kind.inputs if name in columns},
        "dtype": options.dtype,
        "preprocessing": {name: getattr(options, name) for name in kind.preprocessing if name != idle},
        **more,
    }


def _rows_pins(plan: Plan, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what pins the model and the rows, whatever runs it."""
    return {
        "store_version": STORE_VERSION,
        "task_type": plan.kind.name,
        "task_type_version": plan.kind.version,
        "model": "" if checkpoint.local else checkpoint.place,
        "model_commit": checkpoint.commit,
        "rows": plan.rows.fingerprint,
    }
