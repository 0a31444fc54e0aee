"""Map columns: which dataset column feeds which column of the task type, given or guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import BadEvaluation, listing, unknown
from tasks.types.contract import Column, FeatureKind, TaskType
from tasks.types.nesting import leaves, parts

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class ColumnMapping:
    """Task-type column -> dataset column, and what was guessed, as sentences for the user."""

    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()


def feature_kind(feature: Any) -> FeatureKind:
    """Tell what a feature of a dataset holds, in the words column definitions use.

    >>> import datasets
    >>> feature_kind(datasets.Value("string")), feature_kind(datasets.List(datasets.ClassLabel(names=["O"])))
    ('text', 'labels')
    """
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        return "label"
    if isinstance(feature, datasets.Image):
        return "image"
    if isinstance(feature, datasets.Audio):
        return "audio"
    if isinstance(feature, datasets.Value):
        return _value_kind(str(feature.dtype))
    if isinstance(feature, datasets.List | datasets.LargeList):
        inner = feature_kind(feature.feature)
        if inner == "records" and {"role", "content"} <= set(feature.feature):
            return "messages"
        return _MANY.get(inner, "records" if inner == "records" else "other")
    return "records" if isinstance(feature, dict) else "other"


_MANY: Mapping[FeatureKind, FeatureKind] = {
    "text": "words",
    "label": "labels",
    "integer": "integers",
    "number": "numbers",
}


def joined_kind(kinds: Sequence[FeatureKind]) -> FeatureKind:
    """Tell what several columns hold as one list a row.

    >>> joined_kind(["text", "text"]), joined_kind(["text", "image"])
    ('words', 'other')
    """
    return _MANY.get(kinds[0], "other") if len(set(kinds)) == 1 else "other"


def _value_kind(dtype: str) -> FeatureKind:
    if dtype in {"string", "large_string", "string_view"}:
        return "text"
    if dtype == "bool" or dtype.startswith(("int", "uint")):
        return "integer"
    return "number" if dtype.startswith(("float", "double", "decimal")) else "other"


def map_columns(
    task_type: TaskType, features: datasets.Features, given: Mapping[str, str], dataset: str
) -> ColumnMapping:
    """Check a given column mapping, and guess what it leaves out from names, then from feature kinds.

    A dotted name reads a field within a column, as `answers.text`; names with commas between them read
    several columns as one list a row, as `ending0, ending1`.

    Raises:
        UnknownName: A column of the mapping does not exist, in the task type or in the dataset.
        BadEvaluation: A column holds what the task type cannot use, or cannot be guessed.
    """
    kinds = {name: feature_kind(feature) for name, feature in leaves(features).items()}
    by_name = {column.name: column for column in task_type.columns}
    for canonical, chosen in given.items():
        if canonical not in by_name:
            raise unknown(f"column of {task_type.name}", canonical, by_name)
        for part in parts(chosen, kinds):
            if part not in kinds:
                raise unknown(f"column in '{dataset}'", part, kinds)
        if chosen not in kinds:
            kinds[chosen] = joined_kind([kinds[part] for part in parts(chosen, kinds)])
        _check_kind(task_type, by_name[canonical], chosen, kinds)
    ways = list(dict.fromkeys(column.way for column in task_type.columns if column.way))
    named = [way for way in ways if any(by_name[canonical].way == way for canonical in given)]
    if len(named) > 1:
        raise BadEvaluation(
            f"The columns {listing(given)} of {task_type.name} do not go together: "
            + " or ".join(listing(each.name for each in task_type.columns if each.way == way) for way in ways)
            + " are given."
        )
    problem: BadEvaluation | None = None
    for way in named or ways or [""]:
        columns = [column for column in task_type.columns if column.way in {"", way}]
        try:
            return _mapped(task_type, columns, features, kinds, given, dataset)
        except BadEvaluation as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _mapped(
    task_type: TaskType,
    columns: Sequence[Column],
    features: datasets.Features,
    kinds: Mapping[str, FeatureKind],
    given: Mapping[str, str],
    dataset: str,
) -> ColumnMapping:
    """Guess what a mapping leaves out of some columns."""
    mapped = dict(given)
    notes = []
    for column in sorted(columns, key=lambda column: column.rest):
        if column.name in mapped:
            continue
        taken = set(mapped.values())
        guess = _rest(features, kinds, taken) if column.rest else _guess(column, kinds, features, taken)
        if guess is None and column.required:
            raise _cannot_guess(task_type, column, kinds, dataset)
        if guess is not None:
            mapped[column.name] = guess
            notes.append(f"No column was given for {column.name}: '{guess}' was taken.")
    return ColumnMapping(mapped, tuple(notes))


def check_groups(column: str | None, features: datasets.Features, dataset: str) -> None:
    """Check the column whose equal values mark rows that are drawn together.

    Raises:
        UnknownName: The dataset has no such column.
        BadEvaluation: It holds what cannot be told equal row by row, as images.
    """
    if column is None:
        return
    kinds = {name: feature_kind(feature) for name, feature in features.items()}
    if column not in kinds:
        raise unknown(f"column in '{dataset}' (for groups)", column, kinds)
    if kinds[column] not in {"text", "label", "integer", "number"}:
        raise BadEvaluation(
            f"The column '{column}' holds {kinds[column]}, and groups are told apart by text, label or "
            f"number; there are: {_described(kinds)}."
        )


def _rest(features: Mapping[str, Any], kinds: Mapping[str, FeatureKind], taken: set[str]) -> str | None:
    simple = {"number", "integer", "text", "label"}
    return ", ".join(name for name in features if kinds[name] in simple and name not in taken) or None


def _guess(
    column: Column, kinds: Mapping[str, FeatureKind], features: Mapping[str, Any], taken: set[str]
) -> str | None:
    fitting = [name for name, kind in kinds.items() if kind in column.accepts and name not in taken]
    by_folded_name = {name.casefold(): name for name in fitting}
    for alias in (column.name, *column.aliases):
        if alias in by_folded_name:
            return by_folded_name[alias]
    if not column.required:
        return None
    # A field within a column is taken by its kind only where no column of its own fits.
    whole = [name for name in fitting if name in features] or fitting
    sure = [name for name in whole if kinds[name] == column.typical]
    return sure[0] if len(sure) == 1 else None


def _described(kinds: Mapping[str, FeatureKind]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in kinds.items())


def _check_kind(task_type: TaskType, column: Column, chosen: str, kinds: Mapping[str, FeatureKind]) -> None:
    if kinds[chosen] in column.accepts:
        return
    raise BadEvaluation(
        f"The column '{chosen}' holds {kinds[chosen]}, and {column.name} of {task_type.name} takes "
        f"{' or '.join(sorted(column.accepts))}; there are: {_described(kinds)}."
    )


def _cannot_guess(
    task_type: TaskType, column: Column, kinds: Mapping[str, FeatureKind], dataset: str
) -> BadEvaluation:
    fitting = [name for name, kind in kinds.items() if kind in column.accepts]
    if fitting:
        return BadEvaluation(
            f"Which column of '{dataset}' is {column.name} ({column.help})? Name one in the column mapping, "
            f"as {column.name}={fitting[0]}; it can be: {', '.join(fitting)}."
        )
    return BadEvaluation(
        f"No column of '{dataset}' can be {column.name} of {task_type.name}, which takes "
        f"{' or '.join(sorted(column.accepts))}; there are: {_described(kinds)}."
    )
