"""Nested columns: a dotted name reads a field of a struct, or of every struct of a list.

`answers.text` is the field `text` of the column `answers`, whether that holds one struct of lists or a list
of structs, as datasets have both; `translation.de` is the German of a column of translations. Names with
commas between them read several columns as one list a row: `ending0, ending1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datasets


def leaves(features: Mapping[str, Any]) -> dict[str, Any]:
    """Return the feature of every column, and by dotted name that of every field within one.

    >>> from datasets import List, Value
    >>> list(leaves({"id": Value("string"), "answers": List({"text": Value("string")})}))
    ['id', 'answers', 'answers.text']
    >>> leaves({"answers": List({"text": Value("string")})})["answers.text"]
    List(Value('string'))
    """
    import datasets

    found: dict[str, Any] = {}
    for name, feature in features.items():
        found[name] = feature
        listed = isinstance(feature, datasets.List | datasets.LargeList)
        inner = feature.feature if listed else feature
        if isinstance(inner, datasets.Translation):
            inner = {language: datasets.Value("string") for language in inner.languages}
        if isinstance(inner, Mapping):
            for field, nested in leaves(inner).items():
                found.setdefault(f"{name}.{field}", datasets.List(nested) if listed else nested)
    return found


def root(name: str, columns: Iterable[str]) -> str:
    """Return the column that a name, dotted or not, reads: the longest that it begins with.

    >>> root("answers.text", ["id", "answers"]), root("a.b", ["a", "a.b"])
    ('answers', 'a.b')
    """
    fitting = [column for column in columns if name == column or name.startswith(f"{column}.")]
    return max(fitting, key=len, default=name)


def pick(value: Any, path: Sequence[str]) -> Any:
    """Return what lies in a value at a path of fields; of a list, what lies in each of its values.

    >>> pick({"text": ["a", "b"]}, ["text"]), pick([{"text": "a"}, {"text": "b"}], ["text"])
    (['a', 'b'], ['a', 'b'])
    """
    for place, field in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            return [pick(each, path[place:]) for each in value]
        value = value[field]
    return value


def parts(name: str, columns: Iterable[str]) -> list[str]:
    """Return the names that a name joins: `a, b` stands for both, as one list a row.

    >>> parts("ending0, ending1", ["ending0", "ending1"]), parts("ctx", ["ctx"])
    (['ending0', 'ending1'], ['ctx'])
    """
    return [name] if name in columns else [part.strip() for part in name.split(",")]


def roots(name: str, columns: Iterable[str]) -> list[str]:
    """Return the columns that a name, dotted or joined, reads.

    >>> roots("choices.text", ["id", "choices"]), roots("sol1, sol2", ["sol1", "sol2"])
    (['choices'], ['sol1', 'sol2'])
    """
    there = list(columns)
    return [root(part, there) for part in parts(name, there)]


def values(columns: Mapping[str, Sequence[Any]], name: str) -> list[Any]:
    """Return the values of a column, of a field within one, or of several columns as one list a row.

    >>> values({"answers": [{"text": ["a"]}]}, "answers.text")
    [['a']]
    >>> values({"sol1": ["a", "c"], "sol2": ["b", "d"]}, "sol1, sol2")
    [['a', 'b'], ['c', 'd']]
    """
    joined = parts(name, columns)
    if len(joined) > 1:
        return [list(row) for row in zip(*(values(columns, part) for part in joined), strict=True)]
    column = root(name, columns)
    path = name[len(column) + 1 :].split(".") if name != column else []
    return [pick(value, path) for value in columns[column]] if path else list(columns[column])


def read(rows: datasets.Dataset, name: str, keep: Sequence[int] | None = None) -> list[Any]:
    """Return the values of a column, a field within one, or several, of all rows or of those by number."""
    wanted = list(dict.fromkeys(roots(name, rows.column_names)))
    chosen = rows.select_columns(wanted)
    if keep is not None:
        chosen = chosen.select(keep)
    return values({column: chosen[column] for column in wanted}, name)
