"""Functions: a plain Python callable in a model's place, for evaluations that are started from Python.

A function takes a batch of rows, each a mapping of the task type's input columns, and returns a prediction
for each: a label, a text, a number, a list of tags, or a mapping of the prediction's fields.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.elsewhere import answer_labels, answers
from tasks.errors import BadEvaluation
from tasks.inference import media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import ROW, Decode, Item, Row
from tasks.load import head_rows
from tasks.plan import Plan
from tasks.types.contract import Alignment, TaskType

if TYPE_CHECKING:
    import datasets

Call = Callable[[list[dict[str, Any]]], Sequence[Any]]
"""Takes rows by canonical column, images as PIL's and sounds as arrays, and returns as many predictions."""

VERSION = 1
"""Raised whenever what a function returns would be read differently: part of every chunk's key."""


@dataclass(frozen=True)
class Function:
    """A callable to evaluate.

    Attributes:
        call: The callable.
        name: What it is called in tables; left out, its own name.
        version: What sets its predictions apart from those of other versions. With one they are kept and
            reused, by the function's name, source and version; without one every evaluation calls it
            again, because what it reads from elsewhere, as a model's weights, cannot be seen.
        batch: The most rows it is given at a time.
        labels: The model's label: the dataset's label, where their names differ.
    """

    call: Call
    name: str = ""
    version: str | None = None
    batch: int = 32
    labels: Mapping[str, str] | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or str(getattr(self.call, "__name__", type(self.call).__name__))

    def digest(self) -> str:
        """Return what pins it: a digest of its name, source and version, or of nothing that comes again.

        >>> Function(len, version="1").digest() == Function(len, version="1").digest()
        True
        >>> Function(len).digest() == Function(len).digest()
        False
        """
        called = self.call if hasattr(self.call, "__qualname__") else type(self.call)
        whole = f"{called.__module__}.{called.__qualname__}"
        try:
            source = inspect.getsource(called)
        except (OSError, TypeError):
            source = ""
        version = uuid.uuid4().hex if self.version is None else self.version
        return hashlib.sha256(json.dumps([whole, source, version]).encode()).hexdigest()


def resolve(plan: Plan, function: Function) -> Checkpoint:
    """Pin a function; which labels it knows is seen from what it says.

    Raises:
        BadEvaluation: Predictions of this task type are more than one value.
    """
    kind = plan.kind
    given = kind.gives(head_rows(plan.rows).features, plan.mapping.columns) if kind.gives else kind.judged_by
    judged_as = next((each for each in kind.answers if each in given), None)
    if judged_as is None:
        raise BadEvaluation(f"A function cannot stand for a model of {kind.name}.")
    return Checkpoint(
        function.title,
        function.title,
        function.digest(),
        local=True,
        form="function",
        said=answer_labels.said(judged_as, sorted(function.labels or ())),
    )


def align(
    plan: Plan,
    opened: datasets.Dataset,
    checkpoint: Checkpoint,
    function: Function,
    predictions: pa.Table | None = None,
) -> Alignment:
    """Match a function's labels to the dataset's: before it has run those that are paired, then those used.

    Raises:
        BadLabels: It uses one that maps to nothing, while one of the dataset's is not used.
    """
    overrides = function.labels or {}
    if predictions is not None:
        names = {"label", "labels", "tags"} & set(predictions.column_names)
        said = [value for name in names for value in predictions[name].to_pylist() if value is not None]
        used = {each for value in said for each in (value if isinstance(value, list) else [value])}
        checkpoint = answer_labels.with_labels(checkpoint, sorted({*used, *overrides}))
    return answer_labels.align(plan, opened, checkpoint, overrides)


class Caller:
    """Calls a function on batches of rows."""

    network = None

    def __init__(self, kind: TaskType, function: Function, given: Sequence[str]) -> None:
        self._kind, self._function, self._given = kind, function, given
        self._pictures = {each.name for each in kind.columns if each.accepts == {"image"}}
        self._sounds = {each.name for each in kind.columns if each.accepts == {"audio"}}

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode images and sounds; each row costs one."""
        return [Item(self._row(row), cost=1.0) for row in rows]

    def _row(self, row: Row) -> dict[str, Any]:
        found = {name: value for name, value in row.items() if name != ROW}
        for name in self._pictures & set(found):
            found[name] = media.image(found[name])
        for name in self._sounds & set(found):
            samples, rate = media.heard(found[name])
            found[name] = {"array": samples, "sampling_rate": rate}
        return found

    def forward(self, items: Sequence[Item]) -> Decode:
        """Call the function on a batch."""
        said = self._function.call([item.features for item in items])
        if isinstance(said, str | Mapping) or len(said) != len(items):
            count = "one" if isinstance(said, str | Mapping) else len(said)
            raise ValueError(f"the function was given {len(items)} rows and returned {count} predictions")
        made = [self._made(each) for each in said]
        return lambda: made

    def _made(self, said: Any) -> dict[str, Any]:
        row = said if isinstance(said, Mapping) else {answers.USUAL[0]: said}
        found = answers.reading(self._kind, self._given, list(row), self._function.title)
        return answers.record(found, row)
