"""Bounds: how long texts, lists and plain data of an evaluation may be, whoever sends it.

Part of `tasks.spec`, and as light. They lie far beyond what an evaluation needs, and keep what is sent from
taking a machine's memory, or from being no text, path or number at all; the form states them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field
from pydantic.functional_validators import AfterValidator

MOST_MODELS = 200
MOST_METRICS = 100
MOST_EVALUATIONS = 500
MOST_COLUMNS = 1_000
MOST_LABELS = 100_000
MOST_VALUES = 100_000
"""Values in plain data, as a filter's list."""
DEEPEST = 10
"""Lists and mappings in each other, in plain data."""
LARGEST = 2**53
"""The largest whole number that every reader of JSON reads exactly."""

LARGEST_NUMBER = 1e300

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]*")


def one_line(text: str) -> str:
    """Refuse line ends and other control characters, and what cannot be written as UTF-8."""
    text.encode()
    if _CONTROL.search(text):
        raise ValueError("it holds a line's end or another control character")
    return text


def path(text: str) -> str:
    """Refuse what can be no path on any machine.

    >>> path("~/data/a.csv")
    '~/data/a.csv'
    """
    one_line(text)
    if text.startswith("~") and text != "~" and not text.startswith("~/"):
        raise ValueError("~ stands for the home folder of whoever runs it, as in ~/data")
    if any(len(part.encode()) > 255 for part in text.split("/")):
        raise ValueError("a name between two slashes has at most 255 bytes")
    return text


def revision(text: str) -> str:
    """Refuse what can be no branch, tag or commit.

    Source: the rules of `git check-ref-format`, and a little stricter.

    >>> revision("refs/pr/1")
    'refs/pr/1'
    """
    if not _REVISION.fullmatch(text) or ".." in text or "//" in text or text.endswith(("/", ".", ".lock")):
        raise ValueError("it can be no branch, tag or commit, as main, v1.0 or refs/pr/1 is")
    return text


def plain_data(given: Any) -> Any:
    """Refuse plain data that is too deep, too much, or holds what is no number.

    >>> plain_data({"length": {"min": 1, "max": 5}})
    {'length': {'min': 1, 'max': 5}}
    """
    left = [(given, 0)]
    seen = 0
    while left:
        each, depth = left.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values")
        if depth > DEEPEST:
            raise ValueError(f"it has lists or mappings in each other more than {DEEPEST} deep")
        if isinstance(each, dict):
            if not all(isinstance(key, str) for key in each):
                raise ValueError("it holds a key that is no text")
            left += [(value, depth + 1) for value in (*each, *each.values())]
        elif isinstance(each, list):
            left += [(value, depth + 1) for value in each]
        elif isinstance(each, str):
            if len(each) > 10_000:
                raise ValueError("it holds a text of more than 10,000 characters")
        elif isinstance(each, int | float):
            if not (abs(each) <= LARGEST_NUMBER):
                raise ValueError("it holds what is no number that can be reckoned with")
        elif each is not None:
            raise ValueError(f"it holds a {type(each).__name__}, which JSON does not have")
    return given


Name = Annotated[str, Field(max_length=500), AfterValidator(one_line)]
"""What a person names things: a split, a column, a setting."""
Word = Annotated[str, Field(max_length=50), AfterValidator(one_line)]
"""A language, a marker."""
Label = Annotated[str, Field(max_length=10_000)]
PathText = Annotated[str, Field(max_length=4_096), AfterValidator(path)]
"""A path, or a Hub id."""
Revision = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(revision)]
Text = Annotated[str, Field(max_length=100_000)]
"""What a model is given to read."""
Stop = Annotated[str, Field(max_length=1_000)]
PlainData = Annotated[
    dict[Annotated[str, Field(max_length=500)], Any],
    Field(max_length=MOST_COLUMNS),
    AfterValidator(plain_data),
]
