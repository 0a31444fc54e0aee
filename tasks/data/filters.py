"""Filters: which rows of a dataset are evaluated, by what a column holds: a value, one of several, a range.

Labels are compared by name. Of a list it is enough that one of its values fits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import BadEvaluation, UnknownName, listing, nearest, unknown
from tasks.types.labels import named
from tasks.types.nesting import leaves, roots, values

if TYPE_CHECKING:
    import datasets

Filters = tuple[tuple[str, str], ...]
"""Column -> what it has to hold, as JSON: hashable, and the same however it was written."""

MOST_LISTED = 20


def canonical(given: Mapping[str, Any]) -> Filters:
    """Return filters in one order, each a list of texts or a range.

    >>> canonical({"label": ["b", "a"], "age": {"max": 5}, "id": 7})
    (('age', '{"max": 5}'), ('id', '["7"]'), ('label', '["a", "b"]'))
    """
    found = {}
    for column, wanted in given.items():
        if isinstance(wanted, Mapping):
            found[column] = json.dumps({key: wanted[key] for key in sorted(wanted)})
        else:
            several = wanted if isinstance(wanted, list | tuple) else [wanted]
            found[column] = json.dumps(sorted({written(each) for each in several}))
    return tuple(sorted(found.items()))


def written(value: Any) -> str:
    """Return a value as it is compared: as text, whole numbers without a point.

    >>> written(3.0), written(True), written("a"), written(None)
    ('3', 'true', 'a', 'null')
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def columns(filters: Filters, there: Sequence[str]) -> list[str]:
    """Return the dataset columns that filters read."""
    return sorted({each for column, _ in filters for each in roots(column, there)})


def check(filters: Filters, features: datasets.Features, dataset: str) -> None:
    """See that filters name columns that can be compared.

    Raises:
        UnknownName: The dataset has no such column.
        BadEvaluation: It holds pictures, sounds or records, or a range is asked for where no numbers are.
    """
    import datasets

    there = leaves(features)
    for column, wanted in filters:
        if column not in there:
            raise unknown(f"column in '{dataset}' (for filters)", column, there)
        feature = there[column]
        inner = feature
        while isinstance(inner, datasets.List | datasets.LargeList):
            inner = inner.feature
        if not isinstance(inner, datasets.Value | datasets.ClassLabel):
            raise BadEvaluation(
                f"The column '{column}' of '{dataset}' holds neither text nor numbers nor labels, by which "
                "rows are filtered."
            )
        number = str(inner.dtype).startswith(("int", "uint", "float", "double", "decimal"))
        if wanted.startswith("{") and (not number or isinstance(inner, datasets.ClassLabel)):
            raise BadEvaluation(
                f"The filter of '{column}' is a range, and the column holds no numbers; "
                f"name the values wanted, as {{{column}: [a, b]}}."
            )


def fits(filters: Filters, features: Mapping[str, Any], there: Mapping[str, Sequence[Any]]) -> list[bool]:
    """Tell for every row whether it passes all filters.

    Args:
        filters: What is asked for.
        features: The dataset's features.
        there: Its columns, those that filters read at least.

    >>> from datasets import Value
    >>> fits(canonical({"n": {"min": 2}}), {"n": Value("int64")}, {"n": [1, 2, None]})
    [False, True, False]
    """
    passing: list[bool] | None = None
    for column, wanted in filters:
        tell = _test(json.loads(wanted))
        found = [tell(value) for value in _named(column, features, there)]
        both = zip(passing, found, strict=True) if passing is not None else None
        passing = found if both is None else [one and other for one, other in both]
    return passing or []


def _named(column: str, features: Mapping[str, Any], there: Mapping[str, Sequence[Any]]) -> list[Any]:
    feature = leaves(features)[column]
    known: dict[int, Any] = {}
    found = []
    for value in values(there, column):
        # Few distinct labels, many rows.
        if isinstance(value, int):
            if value not in known:
                known[value] = _name(feature, value)
            found.append(known[value])
        else:
            found.append(_name(feature, value))
    return found


def _name(feature: Any, value: Any) -> Any:
    """Return a value with labels as names; a hidden label (-1) stays a number."""
    return value if value == -1 else named(feature, value)


def _test(wanted: Any) -> Any:
    if isinstance(wanted, dict):
        low, high = wanted.get("min"), wanted.get("max")

        def inside(value: Any) -> bool:
            if isinstance(value, list):
                return any(map(inside, value))
            return value is not None and (low is None or value >= low) and (high is None or value <= high)

        return inside
    texts = set(wanted)

    def one_of(value: Any) -> bool:
        return any(map(one_of, value)) if isinstance(value, list) else written(value) in texts

    return one_of


def nothing_left(
    filters: Filters, features: Mapping[str, Any], there: Mapping[str, Sequence[Any]], dataset: str
) -> BadEvaluation | UnknownName:
    """Return the sentence for filters that no row passes: which one, and what there is in its column."""
    for column, wanted in filters:
        if any(fits(((column, wanted),), features, there)):
            continue
        asked = json.loads(wanted)
        if isinstance(asked, dict):
            numbers = [
                number
                for value in _named(column, features, there)
                for number in (value if isinstance(value, list) else [value])
                if number is not None
            ]
            span = f"they go from {min(numbers)} to {max(numbers)}" if numbers else "there are none"
            return BadEvaluation(f"No row of '{dataset}' has '{column}' in {_range(asked)}: {span}.")
        counted = Counter(
            written(each)
            for value in _named(column, features, there)
            for each in (value if isinstance(value, list) else [value])
        )
        names = [name for name, _ in counted.most_common()]
        close = nearest(asked[0], names)
        hint = f" Did you mean '{close}'?" if close else ""
        return BadEvaluation(
            f"No row of '{dataset}' has {listing(asked)} in '{column}'; there are: "
            f"{listing(names, MOST_LISTED)}.{hint}"
        )
    each = listing(f"'{column}'" for column, _ in filters)
    return BadEvaluation(f"No row of '{dataset}' passes the filters of {each} together, each some.")


def _range(wanted: Mapping[str, float]) -> str:
    low, high = wanted.get("min", "…"), wanted.get("max", "…")
    return f"{low} to {high}"


def described(filters: Filters) -> str:
    """Return filters as a person writes them.

    >>> described(canonical({"language": "sw", "length": {"min": 1, "max": 5}}))
    'language sw, length 1 to 5'
    """
    parts = []
    for column, wanted in filters:
        asked = json.loads(wanted)
        parts.append(f"{column} {_range(asked) if isinstance(asked, dict) else ' or '.join(asked)}")
    return ", ".join(parts)
