"""Exact match: is the text the reference's."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.errors import BadEvaluation
from tasks.metrics.contract import Measurement
from tasks.metrics.means import share_of_rows
from tasks.metrics.patterns import all_without
from tasks.metrics.texts import References, several


def exact_match(
    predictions: Sequence[str],
    references: References,
    regexes_to_ignore: Sequence[str] | None = None,
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    ignore_numbers: bool = False,
) -> Measurement:
    """Exact match, 0 to 1: the share of rows whose text is one of their references, to the letter.

    Key: `exact_match`; what is ignored is a tag. Reference: HF evaluate's `exact_match`.

    Args:
        predictions: One text a row.
        references: One text a row, or a list of them.
        regexes_to_ignore: Patterns cut out of both, in turn, before all else.
        ignore_case: Compare in lower case.
        ignore_punctuation: Drop ASCII punctuation.
        ignore_numbers: Drop the digits 0 to 9.

    Raises:
        BadEvaluation: A pattern is not a regular expression or takes too long, or rows do not pair up.
    """
    rows = several(predictions, references)
    patterns = list(regexes_to_ignore or ())
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as problem:
            raise BadEvaluation(f"'{pattern}' is not a regular expression: {problem}.") from problem
    dropped = (string.punctuation if ignore_punctuation else "") + (string.digits if ignore_numbers else "")
    table = str.maketrans("", "", dropped)

    left = iter(all_without(patterns, [*predictions, *(each for row in rows for each in row)]))
    predictions = [next(left) for _ in predictions]
    rows = [[next(left) for _ in row] for row in rows]

    def ready(text: str) -> str:
        text = text.lower() if ignore_case else text
        return text.translate(table) if dropped else text

    hits = np.array([ready(given) in map(ready, row) for given, row in zip(predictions, rows, strict=True)])
    ignored = [
        name
        for name, there in (
            ("patterns", patterns),
            ("case", ignore_case),
            ("punctuation", ignore_punctuation),
            ("numbers", ignore_numbers),
        )
        if there
    ]
    tags = {"exact_match_ignores": ", ".join(ignored)} if ignored else {}
    return replace(share_of_rows("exact_match", hits), tags=tags)
