"""Tag schemes: where entities begin, go on and end, as tables over pairs of neighbouring tags.

Distinct tags are few, so rules are applied to every pair of them once, and whole corpora by looking pairs up.
Source: the CoNLL-2000 evaluation script (conlleval) for the lenient rules. Reference implementation: seqeval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation

BoolArray = NDArray[np.bool_]

Rule = tuple[str, str, str]
"""Marks of the tag before, marks of the tag, and how their types compare: `same`, `other` or `any`."""


@dataclass(frozen=True)
class Scheme:
    """What a strict scheme allows, by seqeval's rules."""

    marks: str
    begins: tuple[Rule, ...]
    goes_on: tuple[Rule, ...]
    ends: tuple[Rule, ...]


_EVERY = "IOBESUL"
SCHEMES = {
    "IOB1": Scheme(
        "IOB",
        (("OB", "I", "any"), ("I", "I", "other"), ("IB", "B", "same")),
        (("BI", "I", "same"),),
        (("I", "OB", "any"), ("IB", "I", "other"), ("B", "O", "any"), ("B", "B", "same")),
    ),
    "IOB2": Scheme(
        "IOB",
        ((_EVERY, "B", "any"),),
        (("BI", "I", "same"),),
        (("IB", "OB", "any"), ("IB", "I", "other")),
    ),
    "IOE1": Scheme(
        "IOE",
        (("OE", "I", "any"), ("I", "I", "other"), ("E", "E", "same")),
        (("I", "IE", "same"),),
        (("I", "IE", "other"), ("I", "O", "any"), ("E", "IE", "same")),
    ),
    "IOE2": Scheme(
        "IOE",
        (("OE", "IE", "any"), ("I", "IE", "other")),
        (("I", "IE", "same"),),
        (("E", _EVERY, "any"),),
    ),
    "IOBES": Scheme(
        "IOBES",
        ((_EVERY, "BS", "any"),),
        (("BI", "IE", "same"),),
        (("SE", _EVERY, "any"),),
    ),
    "BILOU": Scheme(
        "BILOU",
        ((_EVERY, "BU", "any"),),
        (("BI", "IL", "same"),),
        (("UL", _EVERY, "any"),),
    ),
}


@dataclass(frozen=True)
class Pairs:
    """Rules looked up by the tag before and the tag: tables of shape (tags + 1, tags).

    The last row of a table is for the very first tag, which has none before it.

    Attributes:
        begins: An entity begins with the tag.
        goes_on: The entity of the tag before goes on with the tag; None where that is not asked.
        ends: The entity of the tag before is over.
        types: Number of each tag's entity type.
    """

    begins: BoolArray
    goes_on: BoolArray | None
    ends: BoolArray
    types: NDArray[np.int64]


def split(tags: Sequence[object], suffix: bool, strict: bool) -> tuple[list[str], list[str]]:
    """Return marks and entity types of tags.

    >>> split(["B-PER", "O"], suffix=False, strict=False)
    (['B', 'O'], ['PER', '_'])
    >>> split(["PER-B"], suffix=True, strict=True)
    (['B'], ['PER'])
    """
    marks, types = [], []
    for tag in tags:
        if not isinstance(tag, str) or not tag:
            raise BadEvaluation(f"A tag is a text such as B-PER, and {tag!r} is none.")
        rest = tag[:-1] if suffix else tag[1:]
        lax = rest.rsplit("-", 1)[0] if suffix else rest.split("-", 1)[-1]
        named = rest.strip("-") if strict else lax
        marks.append(tag[-1] if suffix else tag[0])
        types.append(named or "_")
    return marks, types


def lenient(marks: Sequence[str], types: NDArray[np.int64]) -> Pairs:
    """Return conlleval's rules, which forgive how an entity begins."""
    mark = np.array([ord(each) for each in marks])
    before_mark = np.append(mark, ord("O"))[:, None]
    other = np.append(types, -1)[:, None] != types
    begins = _in(mark, "BS") | (_in(before_mark, "ESO") & _in(mark, "EI")) | (~_in(mark, "O.") & other)
    ends = (
        _in(before_mark, "ES")
        | (_in(before_mark, "BI") & _in(mark, "BSO"))
        | (~_in(before_mark, "O.") & other)
    )
    return Pairs(np.broadcast_to(begins, other.shape), None, ends, types)


def strict(name: str, tags: Sequence[str], marks: Sequence[str], types: NDArray[np.int64]) -> Pairs:
    """Return a scheme's rules.

    Raises:
        BadEvaluation: A tag has a mark that the scheme does not know.
    """
    scheme = SCHEMES[name]
    for tag, mark in zip(tags, marks, strict=True):
        if mark not in scheme.marks:
            raise BadEvaluation(
                f"The tag '{tag}' is not of the scheme {name}, whose marks are {', '.join(scheme.marks)}."
            )
    mark_codes = np.array([ord(each) for each in marks])
    before_mark = np.append(mark_codes, ord("O"))[:, None]
    same = np.append(types, -1)[:, None] == types

    def table(rules: tuple[Rule, ...]) -> BoolArray:
        found = np.zeros(same.shape, dtype=np.bool_)
        for before, now, compared in rules:
            alike = {"same": same, "other": ~same, "any": np.ones_like(same)}[compared]
            found |= _in(before_mark, before) & _in(mark_codes, now) & alike
        return found

    return Pairs(table(scheme.begins), table(scheme.goes_on), table(scheme.ends), types)


def _in(marks: NDArray[np.int64], some: str) -> BoolArray:
    return np.isin(marks, [ord(each) for each in some])
