"""Extraction: the part of a written answer that is judged, found by a regular expression.

It is applied when scoring, so that another expression needs no model run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tasks.types.contract import Judged


def extracted(text: str, pattern: re.Pattern[str]) -> str:
    """Return the last match of a pattern in a text, its first group where it has one; else the whole text.

    >>> extracted("7 apples and 3 pears: #### 10", re.compile(r"#### (\\d+)"))
    '10'
    >>> extracted("so it is 7, or rather 8", re.compile(r"\\d+"))
    '8'
    """
    found = list(pattern.finditer(text))
    if not found:
        return text
    last = found[-1]
    return (last.group(1) if pattern.groups else last.group(0)) or ""


def applied(expression: str | None, judged: Mapping[str, Judged]) -> dict[str, Judged]:
    """Return what metrics take with an expression applied to its texts, given and right."""
    if expression is None or "texts" not in judged:
        return dict(judged)
    pattern = re.compile(expression)
    texts = judged["texts"]
    right = [
        extracted(each, pattern) if isinstance(each, str) else [extracted(one, pattern) for one in each]
        for each in texts.references
    ]
    given = [extracted(each, pattern) for each in texts.predictions]
    return {**judged, "texts": replace(texts, predictions=given, references=right)}
