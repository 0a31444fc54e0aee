"""Answers: predictions as people write them down, made into those of a task type's schema.

A file from elsewhere, or a function of somebody's own, gives a label, a text or a number for a row, under
one of the names that are usual for it; whatever else the schema has and is not given stays empty.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.errors import BadEvaluation, listing
from tasks.types.contract import TaskType

USUAL = ("prediction", "predictions", "predicted", "pred", "preds", "y_pred", "model_prediction")
"""What predictions are called whatever they are, the surest first."""

LESS_SURE = ("model_output", "output", "outputs", "response", "completion", "generation", "answer", "result")
"""What they are called too, unless there is a surer name."""

OF_FIELD: Mapping[str, tuple[str, ...]] = {
    "text": (
        "generated_text",
        "generated",
        "prediction_text",
        "hypothesis",
        "transcription",
        "transcript",
        "translation",
        "translation_text",
        "summary_text",
        "summary",
        "caption",
    ),
    "label": ("class", "category"),
    "labels": ("label", "classes", "categories"),
    "tags": ("ner_tags", "labels", "pos_tags"),
    "score": ("value", "label"),
    "value": ("score", "target"),
    "similarity": ("score", "value"),
    "words": ("word", "text", "token_str"),
}
"""Names of one field's own, the surest first."""

ASIDE: Mapping[str, tuple[str, ...]] = {
    "score": ("confidence", "probability"),
    "probabilities": ("probs", "scores", "label_scores"),
    "no_answer": ("no_answer_probability", "na_prob"),
}
"""Other names of fields that need not be there."""

ERROR = "error"
NOTHING = "there is no prediction"


@dataclass(frozen=True)
class Reading:
    """Which column holds which field of a prediction.

    Attributes:
        answer: The field that every prediction has to have.
        fields: Field -> column.
        schema: The fields' types.
        judged_as: What predictions are judged as by it, as labels.
        labels: The label of each probability, where they come as lists.
        notes: What was guessed, as sentences.
    """

    answer: str
    fields: Mapping[str, str]
    schema: pa.Schema
    judged_as: str
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def reading(
    kind: TaskType, given: Sequence[str], columns: Sequence[str], name: str, labels: Sequence[str] = ()
) -> Reading:
    """Find the fields of a task type's prediction among columns, by the names people use.

    Args:
        kind: The task type.
        given: What is judged, as the dataset's columns lead to it.
        columns: The names there are.
        name: What to call their owner in messages.
        labels: The label of each probability, where it is known.

    Raises:
        BadEvaluation: No column can be the one field that has to be there.
    """
    whole = set(kind.prediction.names) <= set(columns)
    choices = [(judged, field) for judged, field in kind.answers.items() if judged in given]
    if whole:
        judged_as, answer = choices[0] if choices else ("", kind.prediction.names[0])
        exact = {field: field for field in kind.prediction.names}
        return Reading(answer, exact, kind.prediction, judged_as, tuple(labels))
    if not choices:
        raise BadEvaluation(
            f"Predictions for {kind.name} are more than one value: '{name}' needs the columns "
            f"{listing(kind.prediction.names)}, as in the predictions.parquet of a run; there are: "
            f"{listing(columns)}."
        )
    there_is = ((judged, field, _named(field, columns)) for judged, field in choices)
    judged_as, answer, found = next((each for each in there_is if each[2]), (*choices[0], []))
    if not found:
        raise BadEvaluation(
            f"No column of '{name}' can be the {answer} of a prediction for {kind.name}; there are: "
            f"{listing(columns)}. Call it 'prediction', or '{answer}'."
        )
    fields = {answer: found[0]}
    notes = [f"The column '{found[0]}' of '{name}' was taken for {answer}."] if found[0] != answer else []
    folded = {column.casefold(): column for column in columns}
    for field in kind.prediction.names:
        names = (field, *ASIDE.get(field, ()))
        there = [folded[each] for each in names if each in folded and folded[each] not in fields.values()]
        if field not in fields and there:
            fields[field] = there[0]
    return Reading(answer, fields, kind.prediction, judged_as, tuple(labels), tuple(notes))


def _named(field: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that can be a field, the surest first."""
    folded = {column.casefold(): column for column in columns}
    surest = (*USUAL, f"predicted_{field}", f"pred_{field}", f"{field}_pred", f"{field}_prediction")
    own = OF_FIELD.get(field, ())
    # A text's own name is also what its input is called, a label's what the right one is.
    order = (*surest, *own, *LESS_SURE, field) if field == "text" else (*surest, field, *own, *LESS_SURE)
    return [folded[each] for each in order if each in folded]


def record(found: Reading, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one prediction in the task type's schema.

    Args:
        found: Which column holds which field.
        row: A row's columns.

    Raises:
        ValueError: It holds no prediction, says itself why not, or holds something else than it should.
    """
    if isinstance(row.get(ERROR), str) and row[ERROR]:
        raise ValueError(row[ERROR])
    made = {}
    for field, column in found.fields.items():
        value = row.get(column)
        if field == "probabilities" and value is not None:
            value = _by_label(value, found.labels)
        made[field] = fitted(value, found.schema.field(field).type)
    if set(made) == set(found.schema.names) and any(value is not None for value in made.values()):
        return made
    if made[found.answer] is None or (made[found.answer] == "" and found.answer == "label"):
        raise ValueError(NOTHING)
    return made


def _by_label(value: Any, labels: Sequence[str]) -> list[Any] | None:
    value = _plain(value)
    if isinstance(value, str) and value:
        value = json.loads(value)
    if isinstance(value, Mapping):
        return [value.get(label, 0.0) for label in labels] or None
    return value if labels and isinstance(value, list) and len(value) == len(labels) else None


def _plain(value: Any) -> Any:
    """Return an array or tensor as plain lists and numbers."""
    return value.tolist() if hasattr(value, "tolist") else value


def fitted(value: Any, kind: pa.DataType) -> Any:
    """Return a value as a field of a type holds it; None for what is not there.

    Raises:
        ValueError: It cannot be made one, as a word where a number belongs.

    >>> fitted(1.0, pa.string()), fitted("O B-PER", pa.list_(pa.string())), fitted("0.5", pa.float32())
    ('1', ['O', 'B-PER'], 0.5)
    >>> fitted(float("nan"), pa.string()) is None, fitted("[1, 2]", pa.list_(pa.string()))
    (True, ['1', '2'])
    """
    value = _plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if pa.types.is_string(kind):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if pa.types.is_list(kind):
        if isinstance(value, str):
            value = _split(value)
        several = value if isinstance(value, list | tuple | set | frozenset) else [value]
        return [fitted(each, kind.value_type) for each in several]
    if value == "":
        return None
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_boolean(kind):
        return value.casefold() == "true" if isinstance(value, str) else bool(value)
    return value


def _split(text: str) -> list[Any]:
    """Read a list out of one cell: JSON, or values with commas or else spaces between them.

    >>> _split('["a b", "c"]'), _split("joy, anger"), _split("O O B-PER"), _split("")
    (['a b', 'c'], ['joy', 'anger'], ['O', 'O', 'B-PER'], [])
    """
    bare = text.strip()
    if bare.startswith("["):
        try:
            found = json.loads(bare)
        except ValueError:
            found = json.loads(bare.replace("'", '"'))
        return list(found)
    return [part.strip() for part in bare.split(",") if part.strip()] if "," in bare else bare.split()
