"""What a task type is: one value of `TaskType` in one file.

A task type knows its columns, how its model is loaded, called and decoded (a `Predictor`, which the
inference engine drives), how stored predictions and the dataset's references become what metrics take
(evidence), and what a person wants to see of a row (the sample). It knows no Prefect and no MLflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options, Predictor

if TYPE_CHECKING:
    import datasets

FeatureKind = Literal[
    "text",
    "label",
    "integer",
    "number",
    "words",
    "labels",
    "integers",
    "numbers",
    "messages",
    "image",
    "audio",
    "records",
    "other",
]
"""What a dataset column holds; `records` are structs, a list of them, or a struct of lists."""


@dataclass(frozen=True)
class Column:
    """A canonical input or reference column.

    Attributes:
        name: Its name, the same for every dataset.
        role: Whether the model sees it or the metrics do.
        accepts: What a dataset column may hold to feed it.
        typical: What it holds so typically that the only such column is it.
        aliases: Lower-case names that datasets use for it, the surest first.
        help: What it is, in a few words.
        required: Whether an evaluation can do without it.
        rest: Whether it reads every column that no other one does, where none is named.
        way: Of a task type whose datasets come in several ways, the one that it belongs to: the columns of
            one way are there together, and those of the others are not. The first that fits is taken.
    """

    name: str
    role: Literal["input", "reference"]
    accepts: frozenset[FeatureKind]
    typical: FeatureKind
    aliases: tuple[str, ...]
    help: str
    required: bool = True
    rest: bool = False
    way: str = ""


@dataclass(frozen=True)
class Alignment:
    """How the model's labels correspond to the dataset's.

    Attributes:
        dataset_labels: The dataset's label names, in the dataset's order.
        to_dataset: The model's label -> the dataset's label; model labels without one stay as they are.
        notes: What a person should know about it, as sentences.
        model_labels: The model's label names, in the model's order: that of stored probabilities.
        layout: How the dataset writes its references, where there are several ways, as xywh of boxes.
    """

    dataset_labels: tuple[str, ...] = ()
    to_dataset: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    model_labels: tuple[str, ...] = ()
    layout: str = ""


@dataclass(frozen=True)
class Judged:
    """What a metric takes: predictions and references of equal length, and fixed arguments beside them.

    Attributes:
        predictions: What was predicted.
        references: What is right.
        arguments: The metric's arguments that the task type knows.
        names: What the labels in a metric's tables of detail are called, where it knows them by number.
    """

    predictions: Any
    references: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


Rows = Mapping[str, Sequence[Any]]
"""Columns by canonical name (or prediction field), each as long as there are rows."""


Open = Callable[[Checkpoint, Options], Predictor]
"""Loads a model, or gets ready to ask it elsewhere."""

Align = Callable[
    ["datasets.Features", Mapping[str, str], "datasets.Dataset", Checkpoint, Mapping[str, str]], Alignment
]
"""`(dataset features, column mapping, rows, checkpoint, overrides) -> Alignment`."""


@dataclass(frozen=True)
class TaskType:
    """One kind of machine-learning problem.

    Attributes:
        name: The Hub's `pipeline_tag`.
        version: Raised whenever stored predictions would come out differently: part of every chunk's key.
        summary: One sentence on what it judges.
        columns: Its canonical columns, inputs first.
        prediction: The fields of one stored prediction, beside `row` and `error`.
        metrics: Its default metrics, each a name and arguments.
        batch_cost: The default budget of one batch, in `cost_unit`.
        cost_unit: What a row costs: tokens, images, seconds, or one each.
        generates: Whether a row's prediction is written token by token.
        form: How its models are stored.
        gives: `(dataset features, column mapping) -> keys of judged_by` that this dataset leads to; None
            where it is always all of them.
        preprocessing: The settings that change predictions, by name: part of every chunk's key.
        align: Matches labels before any model loads; raises `BadLabels` for labels that map to nothing.
        open: Load the model with transformers and return what predicts.
        engines: How other engines open it, by their names; `endpoint` is a server that runs the model.
        evidence: `(predictions, references, alignment) -> {what a metric takes: Judged}`.
        judged_by: The keys of that: what a metric can take to judge this task type.
        sample: `(prediction, references, alignment) -> columns of the sample table` for one row.
        answers: Of predictions made elsewhere, which field has to be there, by what it is judged as; empty
            where only whole predictions will do.
        align_answers: What matches their labels; None for `align`, unless that looks into the model.
    """

    name: str
    version: int
    summary: str
    columns: tuple[Column, ...]
    prediction: pa.Schema
    metrics: tuple[tuple[str, Mapping[str, Any]], ...]
    batch_cost: int
    cost_unit: Literal["tokens", "images", "seconds", "rows"]
    preprocessing: tuple[str, ...]
    align: Align
    open: Open
    evidence: Callable[[Rows, Rows, Alignment], dict[str, Judged]]
    judged_by: tuple[str, ...]
    sample: Callable[[Mapping[str, Any], Mapping[str, Any], Alignment], dict[str, Any]]
    generates: bool = False
    engines: Mapping[str, Open] = field(default_factory=dict)
    form: Literal["transformers", "diffusers", "skops"] = "transformers"
    gives: Callable[[datasets.Features, Mapping[str, str]], tuple[str, ...]] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    align_answers: Align | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns the model sees."""
        return tuple(column.name for column in self.columns if column.role == "input")

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the columns the metrics see."""
        return tuple(column.name for column in self.columns if column.role == "reference")
